"""Fuzz finding functions and cutting holes, in every language, from the fixtures outwards.

Needs atheris, which nothing else here does:

    python -m pip install atheris
    python tests/fuzz/fuzz_functions.py -max_total_time=300 -timeout=15 -rss_limit_mb=2048

A crash, a hang, or a span that does not hold leaves a ``crash-…`` file; give it to the same command
to see it again. Not collected by pytest.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["homespun_corpus"]):
    from homespun_corpus.mining.holes import CharOffsets, HoleCutter
    from homespun_corpus.syntax.functions import extract
    from homespun_corpus.syntax.languages import LANGUAGES
    from homespun_corpus.syntax.parsing import ParseTimeout, parse
    from homespun_corpus.syntax.spans import Span

FIXTURES = Path(__file__).parents[1] / "fixtures" / "languages"


def check(data: bytes) -> None:
    """The first byte chooses the language, the rest is the source."""
    language = LANGUAGES[data[0] % len(LANGUAGES)] if data else LANGUAGES[0]
    text = data[1:].decode("utf-8", "ignore")
    source = text.encode()
    try:
        tree = parse(language, source, seconds=2)
    except ParseTimeout:
        return
    functions = extract(source, path="f", language=language, blob_id="b", tree=tree)
    cutter, offsets = HoleCutter(text, source, language, tree), CharOffsets(text, source)
    for span in [Span(0, len(source)), *(function.span for function in functions)]:
        source[span.start : span.end].decode()
        for hole in cutter.cut(span, 5, random.Random(1)):
            assert span.start <= offsets.byte(hole.start) < offsets.byte(hole.end) <= span.end
    for function in functions:
        assert function.span.start <= function.body.start <= function.body.end <= function.span.end


def main() -> None:
    with tempfile.TemporaryDirectory() as seeds:
        for number, row in enumerate(LANGUAGES):
            source = (FIXTURES / f"{row.name}{row.extensions[0]}").read_bytes()
            (Path(seeds) / row.name).write_bytes(bytes([number]) + source)
        given = any(not argument.startswith("-") for argument in sys.argv[1:])
        atheris.Setup(sys.argv if given else [*sys.argv, seeds], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
