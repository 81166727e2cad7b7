"""Files in languages that we have no grammar for: which are worth reading, and as what.

Such a file is one ``Function`` of kind "text", learnt line by line: from below the licence that it
begins with to its end. What is no text is told by its name, before anything is read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

from homespun_corpus.filters.licence import licence_header
from homespun_corpus.syntax.functions import Function, all_body
from homespun_corpus.syntax.languages import REMEMBERED, TEXT, Language, mined_language
from homespun_corpus.syntax.spans import Span

_NO_TEXT = re.compile(
    r"\.(?:png|jpe?g|gif|bmp|ico|icns|webp|avif|tiff?|psd|xcf|ai|eps|pdf|docx?|xlsx?|pptx?|od[tsp]"
    r"|mp[34]|m4[av]|wav|ogg|flac|avi|mov|webm|mkv|ttf|otf|woff2?|eot"
    r"|zip|jar|war|gz|tgz|bz2|xz|zst|7z|rar|tar|whl|egg|deb|rpm|dmg|iso|apk|nupkg"
    r"|exe|dll|so|dylib|a|o|obj|lib|class|pyc|pyd|wasm|bin|dat|db|sqlite3?|parquet|feather|arrow"
    r"|h5|hdf5|npy|npz|pkl|pickle|pt|pth|onnx|safetensors|gguf|mo|gmo|lockb|keystore|jks|p12|pfx)$"
)
_LOCK_FILE = re.compile(
    r"(?:\.lock|[-.]lock\.(?:json|ya?ml)|\.lockfile|\.lock\.hcl)$|^npm-shrinkwrap\.json$"
    r"|^(?:go|gopkg)\.sum$|^package\.resolved$|^packages\.lock\.json$|^cabal\.project\.freeze$"
)
_DATA = re.compile(
    r"\.(?:json|jsonl|ndjson|json5|geojson|topojson|csv|tsv|psv|xml|xsd|plist|svg|po|pot|xlf|xliff"
    r"|resx|map|snap|patch|diff|log|out|ics|vcf|bib|eml|mbox|har|cast|tmx|pbxproj|storyboard|xib"
    r"|sum|md5|sha1|sha256|asc|sig|pem|crt|cer|key|pub|csr|fasta?|fastq|pdb|stl|obj|ply|dxf|gpx|kml"
    r"|hex|srec|ipynb)$"
)
# Who wrote it and who may use it: nothing that anybody types.
_LICENCE = re.compile(
    r"^(?:un)?licen[cs]es?(?:$|[-._])|^copy(?:ing|right)(?:$|[-._])|^notice(?:$|\.)|^patents(?:$|\.)"
    r"|[-._]licen[cs]e(?:\.\w+)?$"
)
_AUTHORS = re.compile(
    r"^(?:authors|contributors|maintainers|codeowners|owners|credits|thanks)(?:$|\.)|^\.mailmap$"
)
_LICENCE_FOLDERS = frozenset(("licenses", "licences"))


@lru_cache(REMEMBERED)
def read_as(path: str) -> Language | None:
    """What mining reads a file as, ``TEXT`` where we know no language; None for what is no text."""
    language = mined_language(path)
    if language is None and _NO_TEXT.search(path.lower()) is None:
        return TEXT
    return language


def text_reason(path: str) -> str | None:
    """Why a file in no known language is left out by its name; None for a clean one."""
    *folders, name = PurePosixPath(path.lower()).parts or ("",)
    if _LOCK_FILE.search(name):
        return "lock-file"
    if _AUTHORS.search(name):
        return "authors"
    if _LICENCE.search(name) or not _LICENCE_FOLDERS.isdisjoint(folders):
        return "licence"
    return "data" if _DATA.search(name) else None


def text_name(path: str) -> str:
    """What a text is called."""
    return PurePosixPath(path).name


def whole_text(source: bytes, *, path: str, blob_id: str) -> list[Function]:
    """The one function of a text; none of one that says nothing."""
    header = licence_header(source, TEXT.lexical)
    start = header.end if header else 0
    rest = source[start:]
    start += len(rest) - len(rest.lstrip())
    span = Span(start, start + len(rest.strip()))
    if span.start == span.end:
        return []
    return [all_body(text_name(path), "text", span, TEXT, path=path, blob_id=blob_id)]
