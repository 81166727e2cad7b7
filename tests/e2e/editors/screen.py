"""What a terminal of a Neovim would show: the grid drawn by its `redraw` events."""

from collections.abc import Sequence
from typing import Any


class Screen:
    """`rows` strings of `columns` cells, kept up to date by `draw`."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._cells]

    def text(self) -> str:
        return "\n".join(self.lines())

    def draw(self, events: Sequence[Sequence[Any]]) -> None:
        """Apply one `redraw` notification: [name, arguments, arguments, …] for each event."""
        for name, *calls in events:
            for arguments in calls:
                if name == "grid_line":
                    self._line(*arguments[1:4])
                elif name == "grid_clear":
                    self._cells = [[" "] * self.columns for _ in range(self.rows)]
                elif name == "grid_scroll":
                    self._scroll(*arguments[1:6])

    def _line(self, row: int, column: int, cells: Sequence[Sequence[Any]]) -> None:
        for cell in cells:
            for _ in range(cell[2] if len(cell) > 2 else 1):
                self._cells[row][column] = cell[0]  # "" is the right half of a wide character
                column += 1

    def _scroll(self, top: int, bottom: int, left: int, right: int, by: int) -> None:
        rows = range(top, bottom - by) if by > 0 else range(bottom - 1, top - by - 1, -1)
        for row in rows:
            self._cells[row][left:right] = self._cells[row + by][left:right]
