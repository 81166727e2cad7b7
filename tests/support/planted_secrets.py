"""Secrets as they are found in real repositories: drawn values, in code of ten languages.

Every value is drawn from a seeded generator when a test runs, and what would give its kind away is
joined from pieces, so that no scanner of this repository has anything to find.
"""

from __future__ import annotations

import json
import random
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from password_ways import ways
from secret_shapes import tokens

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = string.ascii_letters + string.digits
HEX, BASE64, BASE64URL = DIGITS + "abcdef", ALNUM + "+/", ALNUM + "-_"
BEGIN, END, KEY = "-----BEGIN", "-----END", "PRIVATE" + " KEY-----"


@dataclass(frozen=True, slots=True)
class Planted:
    """``value`` stands in the code; ``needles`` are the parts of it that nobody may know."""

    kind: str
    name: str
    value: str
    needles: tuple[str, ...]


class Maker:
    """Draws secrets of every kind."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def drawn(self, length: int, alphabet: str = ALNUM) -> str:
        return "".join(self._rng.choice(alphabet) for _ in range(length))

    def planted(self, each: int) -> Iterator[Planted]:
        """``each`` of every kind."""
        for kind, (name, make) in self._kinds().items():
            for _ in range(each):
                value = make()
                whole, *needles = (value,) if isinstance(value, str) else value
                yield Planted(kind, name, whole, tuple(needles) or (whole,))

    def _kinds(self) -> dict[str, tuple[str, Callable[[], str | tuple[str, ...]]]]:
        drawn = self.drawn
        return {
            "aws key id": ("aws_access_key_id", lambda: "AK" + "IA" + drawn(16, UPPER + DIGITS)),
            "aws secret key": ("aws_secret_access_key", lambda: drawn(40, BASE64)),
            "github classic": ("gh", lambda: "gh" + "p_" + drawn(36)),
            "github fine-grained": (
                "gh",
                lambda: "github" + "_pat_" + drawn(22) + "_" + drawn(59),
            ),
            "slack token": ("slack", lambda: f"xo{'xb'}-{drawn(12, DIGITS)}-{drawn(24)}"),
            "slack webhook": (
                "hook",
                lambda: (
                    f"https://hooks.slack.{'com'}/services/T{drawn(8, UPPER)}"
                    f"/B{drawn(10, UPPER)}/{drawn(24)}"
                ),
            ),
            "stripe": ("stripe", lambda: "sk" + "_live_" + drawn(24)),
            "rsa key": ("pem", lambda: self._pem("RSA ")),
            "openssh key": ("pem", lambda: self._pem("OPENSSH ")),
            "encrypted key": ("pem", lambda: self._pem("ENCRYPTED ")),
            "jwt": ("session", self._jwt),
            "basic auth": ("dsn", self._url),
            "password": ("password", lambda: drawn(7) + "!" + drawn(4, DIGITS)),
            "password of words": ("db_password", lambda: f"Purple{'River'}{drawn(4, DIGITS)}!"),
            "azure storage": ("connection", self._azure),
            "google": ("maps", lambda: "AI" + "za" + drawn(35, BASE64URL)),
            "npm": ("npm", lambda: "npm" + "_" + drawn(36)),
            "pypi": ("upload", lambda: "pypi" + "-AgEIcHlwaS5vcmc" + drawn(90, BASE64URL)),
            "sendgrid": ("mail", lambda: f"S{'G'}.{drawn(22, BASE64URL)}.{drawn(43, BASE64URL)}"),
            "twilio": ("auth_token", lambda: drawn(32, HEX)),
            "telegram": (
                "bot",
                lambda: f"1{drawn(8, DIGITS)}:AA{drawn(33, BASE64URL)}",
            ),
            "discord": (
                "bot",
                lambda: f"M{drawn(23)}.{drawn(6, BASE64URL)}.{drawn(27, BASE64URL)}",
            ),
            "openai": ("client", lambda: "sk" + "-proj-" + drawn(64, BASE64URL)),
            "anthropic": ("client", lambda: "sk" + "-ant-api03-" + drawn(93, BASE64URL) + "AA"),
            "hex key": ("secret_key", lambda: drawn(64, HEX)),
        }

    def _pem(self, kind: str) -> tuple[str, ...]:
        lines = [self.drawn(64, BASE64) for _ in range(8)] + [self.drawn(30, BASE64) + "=="]
        return ("\n".join([f"{BEGIN} {kind}{KEY}", *lines, f"{END} {kind}{KEY}"]), *lines)

    def _jwt(self) -> tuple[str, str]:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self.drawn(9), "exp": 1_700_000_000})
        head = ".".join(
            urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
        )
        signature = self.drawn(43, BASE64URL)
        return f"{head}.{signature}", signature

    def _url(self) -> tuple[str, str]:
        password = self.drawn(6) + self.drawn(3, DIGITS) + "!"
        return f"postgres://app:{password}@db.internal:5432/app", password

    def _azure(self) -> tuple[str, str]:
        key = b64encode(self._rng.randbytes(64)).decode()
        return f"AccountName=app;Account{'Key'}={key};Suffix=core", key


# Each a function around {v}, the value of {n}; {f} is its own name. By the file's ending.
PLACES: dict[str, tuple[str, ...]] = {
    ".py": (
        'def {f}(host):\n    {n} = "{v}"\n    return open_it(host, {n}, 3, retries=2)\n',
        "def {f}(host):\n    # {n}: {v}\n    return open_it(host, 3, retries=2, limit=9)\n",
        'def {f}(host):\n    """Opens it.\n\n    Used with {n}={v}\n    """\n'
        "    return open_it(host, 3, retries=2, limit=9)\n",
        "@pytest.fixture\ndef {f}(settings):\n    settings.{n} = '{v}'\n"
        "    yield settings.copy(limit=3, retries=2)\n",
        'def {f}(host, {n}: str = "{v}", limit=3):\n    return open_it(host, {n}, limit)\n',
        'def {f}(host):\n    text = """\n[client]\n{n} = {m}\n"""\n'
        "    return read_it(host, text, limit=3, retries=2)\n",
        '@signed({n}="{v}")\ndef {f}(host, limit):\n    return open_it(host, limit, retries=2)\n',
        'def {f}(host):\n    return {{"{n}": "{v}", "host": host, "limit": 3, "retries": 2}}\n',
    ),
    ".js": (
        "export function {f}(host) {{\n  const {n} = `{v}`;\n  return open(host, {n}, 3);\n}}\n",
        "export function {f}(host, {n} = '{v}') {{\n  return open(host, {n}, 3, retries);\n}}\n",
        "const {f} = (host) => {{\n  /* {n}: {v} */\n  return open(host, 3, retries, 9);\n}};\n",
        'const {f} = {{\n  "{v}": (host) => {{ return open(host, "{n}", 3, retries); }},\n}};\n',
    ),
    ".ts": (
        "class C_{f} {{\n  {f}(host: string): Conn {{\n    const {n}: string = '{v}';\n"
        "    return open(host, {n}, 3);\n  }}\n}}\n",
        "export const {f} = async (host: string) => {{\n"
        "  return open(host, {{ {n}: `{v}`, limit: 3 }});\n}};\n",
    ),
    ".go": (
        "func {f}(host string) *Conn {{\n\t{n} := `{v}`\n"
        "\treturn open(host, {n}, 3, retries)\n}}\n",
        'func {f}(host string) *Conn {{\n\tos.Setenv("{n}", "{v}")\n'
        "\treturn open(host, 3, retries, limit)\n}}\n",
    ),
    ".rs": (
        "pub fn {f}(host: &str) -> Conn {{\n    // export {n}={v}\n"
        "    open(host, 3, retries, limit)\n}}\n",
        'pub fn {f}(host: &str) -> Conn {{\n    const {n}: &str = r#"{v}"#;\n'
        "    open(host, {n}, 3, retries)\n}}\n",
    ),
}


def functions_with(secrets: list[Planted]) -> Iterator[tuple[str, str]]:
    """(a file's ending, a function with a secret): the places in turn for each kind."""
    places = [(ending, place) for ending, some in PLACES.items() for place in some]
    for number, secret in enumerate(secrets):
        ending, place = places[number % len(places)]
        raw = "{m}" in place or "`{v}`" in place
        value = secret.value if raw else secret.value.replace("\n", "\\n")
        yield ending, place.format(f=f"use_{number}", n=secret.name, v=value, m=value)


# By the language of a way to write a password: a file's ending, and a function around {w}.
WRAPPED = {
    "python": (
        ".py",
        "def {f}(host, limit):\n    {w}\n    return open_it(host, limit, retries=2)\n",
    ),
    "javascript": (".js", "async function {f}(host) {{\n  {w}\n  return open(host, 3, 9);\n}}\n"),
    "typescript": (
        ".ts",
        "class C_{f} {{\n  {f}(host: string) {{\n    {w}\n    return 3;\n  }}\n}}\n",
    ),
    "go": (".go", "func {f}(host string) *Conn {{\n\t{w}\n\treturn open(host, 3, retries)\n}}\n"),
    "java": (".java", "class C_{f} {{\n  Conn {f}(String host) {{\n    {w}\n  }}\n}}\n"),
    "php": (".php", "<?php\nfunction {f}($host) {{\n    {w}\n    return open($host, 3, 9);\n}}\n"),
    "ruby": (".rb", "def {f}(host, limit)\n  {w}\n  open_it(host, limit, 3, 9)\nend\n"),
    "c#": (".cs", "class C_{f} {{\n  int {f}(string host) {{\n    {w}\n    return 3;\n  }}\n}}\n"),
    "rust": (".rs", "pub fn {f}(host: &str) -> Conn {{\n    {w}\n    open(host, 3, retries)\n}}\n"),
    "shell": (".sh", "{f}() {{\n  local host=$1\n  {w}\n  open_it $host 3 9 || return 1\n}}\n"),
    "c++": (".cpp", "Conn {f}(const char *host) {{\n  {w}\n  return open(host, 3, retries);\n}}\n"),
    "lua": (".lua", "function {f}(host, limit)\n  {w}\n  return open_it(host, limit, 3, 9)\nend\n"),
    "files": (".yaml", "host: {f}\nlimit: 3\n{w}\nretries: 9\nport: 8080\nwait: 3\nname: app\n"),
    "encoded": (".conf", "# who may see\n# the reports\n{w}\n# and nobody else\n"),
}
# Languages that are not parsed are learnt line by line, as such a file is.
for _language in ("addresses", "elixir", "expect", "perl", "powershell", "sql"):
    WRAPPED[_language] = WRAPPED["encoded"]


def drawn_tokens(seed: int) -> list[Planted]:
    """One of every kind of token, under a name that tells nothing."""
    return [Planted(kind, "service", token, (token,)) for kind, token in tokens(seed)]


def functions_with_passwords(seed: int) -> Iterator[tuple[str, str, str]]:
    """(a file's ending, a function or a file, the password in it), one of every way."""
    for number, (language, way, password) in enumerate(ways(seed)):
        ending, around = WRAPPED.get(language, WRAPPED["files"])
        yield ending, around.format(f=f"enter_{number}", w=way), password
