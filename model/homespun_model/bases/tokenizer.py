"""Text to token ids and back, for text that users wrote.

A thin layer over a ``tokenizer.json`` (the ``tokenizers`` library; transformers stays out, for its
import takes seconds). It promises that ordinary text never becomes a sentinel, whatever it spells,
and that pieces of a text, encoded one by one, are the text. Knows no prompt and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from homespun_model.errors import BaseError

TOKENIZER_FILE = "tokenizer.json"
# Some tokenizers put a space before every text, but not behind a character that joins no other.
GUARD = "☺"


class TextTokenizer:
    """Encodes and decodes ordinary text with one vocabulary.

    ``forbidden``: ids that no text may become, for some vocabularies do not mark their sentinels as
    special. ``guard``: encode every text behind a guard character (see ``FimFormat.guard``).
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        forbidden: frozenset[int] = frozenset(),
        guard: bool = False,
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # spelled in a text, they are text
        added = tokenizer.get_added_tokens_decoder()
        self.special_ids = forbidden | {n for n, token in added.items() if token.special}
        self._tokenizer = tokenizer
        self._before = GUARD if guard else ""
        self._before_ids = self._encode(self._before).ids

    @property
    def size(self) -> int:
        """One more than the largest id."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def token(self, number: int) -> str | None:
        """The token with an id, as the vocabulary spells it; None where there is none."""
        token: str | None = self._tokenizer.id_to_token(number)
        return token

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text: sentinel text inside it never becomes a sentinel."""
        if not text:
            return []
        encoding = self._encode(self._before + text)
        ids: list[int] = encoding.ids[len(self._before_ids) :]
        for number, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if number in self.special_ids and end - begin > 1:
                # Not marked as special in this vocabulary: cut its spelling in two.
                cut = (begin + end) // 2 - len(self._before)
                return [*self.encode(text[:cut]), *self.encode(text[cut:])]
        return ids

    def boundary(self, text: str, index: int) -> int:
        """Where the token that holds the character at ``index`` begins; ``index`` if none does."""
        shift = len(self._before)
        for begin, end in self._encode(self._before + text).offsets:
            if begin - shift <= index < end - shift:
                return max(0, begin - shift)
        return index

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, sentinels spelled out; half a character becomes U+FFFD."""
        every = [*self._before_ids, *ids]
        text = str(self._tokenizer.decode(every, skip_special_tokens=False))
        return text.removeprefix(self._before)

    def texts(self) -> list[str]:
        """``decode`` of each id by itself, in the order of ids."""
        decode, before = self._tokenizer.decode, self._before_ids
        # Of 151,936 ids half of the time of the library's own batch, which makes as many lists.
        texts = [decode([*before, n], skip_special_tokens=False) for n in range(self.size)]
        return [str(text).removeprefix(self._before) for text in texts] if before else texts

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer saved in ``folder``; BaseError if there is none that can be read."""
    file = folder / TOKENIZER_FILE
    if not file.is_file():
        raise BaseError(
            f"{folder} has no {TOKENIZER_FILE}: save its tokenizer with transformers' "
            "save_pretrained first"
        )
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more precise
        raise BaseError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
