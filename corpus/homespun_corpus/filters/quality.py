"""What is not worth learning, or must not be learnt: every rule that keeps code out, by name.

A rejected file or function has exactly one reason, the first that applies. Knows neither git nor
splits: it judges bytes, paths and functions.

Of a file: vendored, generated, oversized, undecodable, lfs-pointer, minified, data; as its team
says, excluded and documentation (``path_marks``); in no known language, lock-file, licence, authors
and data (``texts``).
Of a function: secret, syntax-error, too-long, too-short; then, as a copy: held-out-duplicate,
duplicate, near-duplicate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from homespun_corpus.filters.secret_allowlist import is_password
from homespun_corpus.filters.secrets import Secret, find_secrets
from homespun_corpus.syntax.functions import Function

MAX_FILE_BYTES = 1 << 20
# Limits of BigCode's filters.
MAX_LINE_BYTES = 1000
MAX_MEAN_LINE_BYTES = 100
MAX_LONG_LINE_SHARE = 0.5  # of a file's bytes are in lines longer than that
MIN_LETTERS = 0.25  # of a file's characters are letters
MIN_TOKENS = 15  # a getter or a stub teaches nothing
MAX_FUNCTION_BYTES = 20_000
MAX_TEXT_BYTES = 100_000
HELD_OUT_COPY = "held-out-duplicate"
HEADER_BYTES = 2000  # where a generator says that it was here

_VENDORED = frozenset(
    re.findall(
        r"\S+",
        """vendor vendors vendored _vendor _vendored third_party third-party thirdparty 3rdparty
    node_modules bower_components jspm_packages site-packages dist-packages extern externals
    godeps pods .venv venv .yarn .tox""",
    )
)
_GENERATED_FOLDERS = frozenset({"dist", "generated", "_generated", "__generated__"})
_VENDORED_FILE = re.compile(
    r"(jquery|bootstrap|angular|react|vue|d3|lodash|underscore|backbone|modernizr|popper|moment"
    r"|ember|require|prototype|three|mootools|dojo)[-.](ui[-.])?v?\d[\w.-]*\.js$",
    re.IGNORECASE,
)
_GENERATED_FILE = re.compile(
    r"_pb2(_grpc)?\.pyi?$|\.pb(\.gw|\.validate)?\.go$|_grpc\.pb\.go$|_pb\.(js|ts|d\.ts)$"
    r"|[._-]min\.[cm]?js$|[._-]bundle\.[cm]?js$|^bundle\.js$|\.chunk\.js$"
    r"|[._](generated|gen|g)\.(py|go|rs|[cm]?[jt]sx?)$|_generated\.(py|go|rs|[cm]?[jt]sx?)$"
    r"|^zz_generated.*\.go$|^bindata\.go$|^parser_?tab\.py$|^parsetab\.py$|^_version\.py$"
    r"|^versioneer\.py$",
    re.IGNORECASE,
)
# What generators write into a comment at the top, of whatever language: none is known here.
_GENERATED_HEADER = re.compile(
    rb"(?im)^[ \t]*(?:\xef\xbb\xbf)?(?:#|//|/?\*+|--|;|<!--|\"\"\"|''')[^\n]*?"
    rb"(?:@generated\b"
    rb"|code generated\b.*\bdo not edit"
    rb"|\bauto(?:matically)?[- ]?generated\b(?: (?:by|from|with|using|file|code|on)\b|[^\w]*$)"
    rb"|\b(?:file|code|module|class|source|script) (?:is|was|has been) (?:auto-?)?(?:matically )?"
    rb"generated\b"
    rb"|\bgenerated (?:automatically|by (?:the )?(?:protocol buffer|protoc|grpc|django|openapi"
    rb"|swagger|antlr|bison|flex|yacc|lex|thrift|sqlc|mockgen|stringer|bindgen|cython|swig|pyuic"
    rb"|flatc|capnp|codegen|graphql|prisma|versioneer|ply|lark))"
    rb"|\b(?:do not|don't|never) (?:edit|modify|change)\b[^\n]*\bgenerated\b)"
)


_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_CODE = re.compile(r"#?[\w$]*|.*[()\[\]{}<>=,].*")


def file_reason(path: str, source: bytes) -> str | None:
    """Why a whole file is left out; None for a clean one."""
    return path_reason(path) or content_reason(source)


def path_reason(path: str) -> str | None:
    """Why a file is left out by its path alone, before anything is read."""
    *folders, name = PurePosixPath(path.lower()).parts or ("",)
    if not _VENDORED.isdisjoint(folders) or _VENDORED_FILE.match(name):
        return "vendored"
    if not _GENERATED_FOLDERS.isdisjoint(folders) or _GENERATED_FILE.search(name):
        return "generated"
    return None


def unreadable(source: bytes) -> str | None:
    """Why no parser may have a source; None for one that can be read."""
    if len(source) > MAX_FILE_BYTES:
        return "oversized"
    return "undecodable" if b"\0" in source or not _is_utf8(source) else None


def content_reason(source: bytes) -> str | None:
    """Why a file is left out by what it holds; None for a clean one."""
    reason = unreadable(source)
    if reason is not None:
        return reason
    if source.startswith(_LFS_POINTER):
        return "lfs-pointer"
    if _GENERATED_HEADER.search(source, 0, HEADER_BYTES):
        return "generated"
    if _is_minified(source):
        return "minified"
    return "data" if _is_data(source) else None


def _is_utf8(source: bytes) -> bool:
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_minified(source: bytes) -> bool:
    """Long lines throughout; a file with one long constant is not."""
    lines = [line for line in source.splitlines() if line.strip()]
    in_long_lines = sum(len(line) for line in lines if len(line) > MAX_LINE_BYTES)
    long_on_average = sum(map(len, lines)) > MAX_MEAN_LINE_BYTES * len(lines)
    return long_on_average or in_long_lines > MAX_LONG_LINE_SHARE * len(source)


def _is_data(source: bytes) -> bool:
    """Tables of numbers and the like: hardly a letter in them."""
    written = b"".join(source.split())
    letters = len(written.translate(None, delete=_NOT_LETTERS))
    return len(written) > 200 and letters < MIN_LETTERS * len(written)


_NOT_LETTERS = bytes(b for b in range(128) if not chr(b).isalpha())


def own_reasons(
    source: bytes,
    functions: Sequence[Function],
    secrets: Sequence[Secret],
    codes: Sequence[Sequence[bytes]],
) -> list[str | None]:
    """Why each function of one file is left out, whatever others hold; None for a clean one.

    ``codes``: the tokens of each function.
    """
    return [
        _own_reason(function, source, secrets, len(code))
        for function, code in zip(functions, codes, strict=True)
    ]


def _own_reason(
    function: Function, source: bytes, secrets: Sequence[Secret], size: int
) -> str | None:
    span = function.span  # a class with a secret in a method is not shown either
    inside = any(secret.start < span.end and span.start < secret.end for secret in secrets)
    if inside or names_secret(function.qualified_name):
        return "secret"
    if function.broken:
        return "syntax-error"
    text = function.text(source)
    most = MAX_TEXT_BYTES if function.kind == "text" else MAX_FUNCTION_BYTES
    if len(text) > most or _longest_line(text) > MAX_LINE_BYTES:
        return "too-long"
    return "too-short" if size < MIN_TOKENS else None


def names_secret(qualified_name: str) -> bool:
    """Whether a function is called what nobody may know: a quoted key of an object can be that."""
    quoted = (part for part in qualified_name.split(".") if not _CODE.fullmatch(part))
    if any(map(is_password, quoted)):
        return True
    # A token has digits, and hardly a name of many thousands is worth a scan.
    digits = any(map(str.isdigit, qualified_name))
    return digits and bool(find_secrets(qualified_name.encode()))


def _longest_line(text: bytes) -> int:
    return max(map(len, text.splitlines()), default=0)
