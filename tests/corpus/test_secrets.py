"""Planted secrets are found, in code, strings and comments; code about secrets is none.

No value here is real: each is drawn from a seeded generator when the test runs, so that no scanner
of this repository has anything to find.
"""

from __future__ import annotations

import random
import string
from base64 import b64encode

import pytest
from homespun_corpus.filters.secrets import find_secrets, without_secrets

RNG = random.Random(7)
LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = string.ascii_letters + string.digits


def drawn(length: int, alphabet: str = ALNUM) -> str:
    return "".join(RNG.choice(alphabet) for _ in range(length))


def hexadecimal(length: int) -> str:
    return drawn(length, DIGITS + "abcdef")


def base64url(length: int) -> str:
    return drawn(length, ALNUM + "-_")


def basic(credentials: str) -> str:
    return b64encode(credentials.encode()).decode()


def planted() -> list[tuple[str, str]]:
    """(kind, a line with a secret of it), four of each."""
    makers = {
        "aws key": lambda: f'KEY_ID = "AKIA{drawn(16, UPPER + DIGITS)}"',
        "aws secret": lambda: f'aws_secret_access_key="{drawn(40)}"',
        "github": lambda: f"# push with ghp_{drawn(36)}",
        "github fine-grained": lambda: f'headers = auth("github_pat_{drawn(22)}_{drawn(59)}")',
        "gitlab": lambda: f'gl = Gitlab(url, "glpat-{base64url(20)}")',
        "slack": lambda: f'post("xoxb-{drawn(11, DIGITS)}-{drawn(12, DIGITS)}-{drawn(24)}")',
        "stripe": lambda: f"stripe.api_key = 'sk_live_{drawn(24)}'",
        "google": lambda: f"const key = `AIza{base64url(35)}`",
        "openai": lambda: f'client = Client("sk-proj-{base64url(48)}")',
        "jwt": lambda: (
            'TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.'
            f'eyJzdWIiOiIxMjM0NTY3ODkwIn0.{base64url(43)}"'
        ),
        "private key": lambda: f'KEY = """-----BEGIN RSA PRIVATE {"KEY"}-----\n{drawn(64)}\n"""',
        "url": lambda: f'"postgres://app:{drawn(7)}{drawn(3, DIGITS)}@db.internal:5432/app"',
        "password": lambda: f'password = "{drawn(6)}!{drawn(4, DIGITS)}"',
        "hex key": lambda: f'config["api_key"] = "{hexadecimal(32)}"',
        "hex value": lambda: f'connect("{hexadecimal(48)}")',
        "base64 secret": lambda: f'SECRET = b"{drawn(43, ALNUM + "+/")}="',
        "npm": lambda: f"//registry.npmjs.org/:_authToken=npm_{drawn(36)}",
        "sendgrid": lambda: f'mail = SG("SG.{base64url(22)}.{base64url(43)}")',
        "twilio": lambda: f'sid = "AC{hexadecimal(32)}"',
        "telegram": lambda: f'bot = Bot("{drawn(9, DIGITS)}:AA{base64url(33)}")',
        "discord": lambda: f'run("M{drawn(23)}.{base64url(6)}.{base64url(27)}")',
        "mailchimp": lambda: f'mc = Client("{hexadecimal(32)}-us12")',
        "square": lambda: f'pay("sq0csp-{base64url(43)}")',
        "pypi": lambda: f'upload("pypi-AgEIcHlwaS5vcmc{base64url(80)}")',
        "shopify": lambda: f'shop = Shop("shpat_{hexadecimal(32)}")',
        "hugging face": lambda: f'login("hf_{drawn(34)}")',
        "azure": lambda: f'"AccountName=a;AccountKey={drawn(86, ALNUM + "+/")}=="',
        "bearer": lambda: f"h = {{'Authorization': 'Bearer {drawn(40)}'}}",
        "comment": lambda: f"// the admin password is {drawn(10)}#{drawn(4, DIGITS)}{drawn(4)}",
        "access token": lambda: f'accessToken: "{drawn(30)}{drawn(4, DIGITS)}",',
        "second of two": lambda: (
            f'login(password="password", db_password="{drawn(8)}{drawn(4, DIGITS)}")'
        ),
        "go": lambda: f'dbPassword := "{drawn(6)}{drawn(4, DIGITS)}$"',
        "url with a sign": lambda: f'get("https://bot:{drawn(6)}!{drawn(3)}@proxy.internal/a")',
        "url without user": lambda: f'CACHE = "redis://:{drawn(6)}{drawn(3, DIGITS)}x@cache:6379"',
        "encrypted key": lambda: (
            f'KEY = """-----BEGIN ENCRYPTED PRIVATE {"KEY"}-----\n{drawn(64)}\n"""'
        ),
        "discord webhook": lambda: (
            f'hook("https://discord.com/api/webhooks/{drawn(18, DIGITS)}/{base64url(68)}")'
        ),
        "django": lambda: (
            f'SECRET_KEY = "django-insecure-{drawn(50, LOWER + DIGITS + "!@#$%^&*(-_=+)")}"'
        ),
        "backticks": lambda: f"send(`{drawn(48)}`)",
        "oracle": lambda: f'dsn = "app/{drawn(6)}!{drawn(3)}7x@db1:1521/orders"',
        "basic": lambda: f'h = {{"Authorization": "Basic {basic(f"bot:{drawn(9)}7")}"}}',
    }
    return [(kind, make()) for kind, make in makers.items() for _ in range(4)]


@pytest.mark.parametrize(("kind", "line"), planted(), ids=lambda value: value.split("\n")[0][:12])
def test_a_planted_secret_is_found_where_it_is(kind: str, line: str) -> None:
    source = f"def f():\n    {line}\n    return 1\n".encode()

    (secret, *_) = find_secrets(source)

    assert source[secret.start : secret.end].strip() in source
    assert secret.start == source.index(b"\n") + 1, kind
    assert line.encode() not in without_secrets(source)
    assert b"return 1" in without_secrets(source)


@pytest.mark.parametrize(
    "place",
    [
        'password: str = "{}"',
        "def f(host, password: str | None = '{}'):",
        'private readonly dbPassword: string = "{}";',
        'const PASSWORD: &str = "{}";',
        'const password string = "{}"',
        'password: Some("{}".to_owned()),',
        'let password = r#"{}"#;',
        'password = b"{}"',
        'os.environ.setdefault("DB_PASSWORD", "{}")',
        'password = os.environ.get("X", "{}")',
        "const pwd = process.env.X || '{}';",
        '("password", "{}"),',
        'connect("a=1;password={};b=2")',
        "# password: {}",
        "password = {}",
        "  password: {}",
        "export PASSWORD={}",
        'password = (\n        "{}"\n    )',
        'password = """\n{}\n"""',
        'os.getenv(\n        "DB_PASSWORD",\n        "{}",\n    )',
    ],
)
@pytest.mark.parametrize("password", [f"{drawn(6)}!{drawn(4, DIGITS)}", "PurpleRiver" + "4821!"])
def test_a_password_is_found_wherever_its_name_is_told(place: str, password: str) -> None:
    source = f"def f(host):\n    {place.format(password)}\n    return 1\n".encode()
    assert password.encode() not in without_secrets(source)
    assert b"return 1" in without_secrets(source)


@pytest.mark.parametrize(
    "line",
    [
        'password = ""',
        'password = "password"',
        "password = 'my-secret-password'",
        'PASSWORD_FIELD = "password1"',
        "secret = settings.SECRET_KEY",
        'api_key = os.environ["SERVICE_API_KEY_V2"]',
        "token = self.tokens[index + 1]",
        "token_type = get_token_type_for_user2(user)",
        'raise ValueError("password must have at least 8 characters")',
        'secret = "{{ vault.secret_1 }}"',
        'password = "%(password)s"',
        'password="<your password 1>"',
        'API_KEY = "xxxxxxxxxxxxxxxxxxxx"',
        'api_key = "0123456789abcdef0123"',
        'key = "application/x-www-form-urlencoded"',
        'ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"',
        'url = "https://user:password@example.org"',
        'broker = "amqp://guest:guest@localhost"',
        'sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
        'assert digest(b"") == "d41d8cd98f00b204e9800998ecf8427e"',
        'const commit = "da39a3ee5e6b4b0d3255bfef95601890afd80709"',
        'class_name = "navigation-dropdown-item-container-wrapper-active"',
        "// tokens are separated by whitespace: see tokenise()",
        "let access_key = parse_access_key_v2(&input[start..end])?;",
        "keyword_arguments_by_position2 = dict(zip(names, values))",
        'reset_url = "/accounts/reset_password/done/2"',
        'id = "123e4567-e89b-12d3-a456-426614174000"',
        'PUBLIC = "-----BEGIN PUBLIC KEY-----"',
        'parse(["METRICS_PASSWORD=secret123"])',
        'url = f"http://{host}:{port}/path/to/thing/#view=edit&token=abcdefg2"',
        'h = {"Authorization": "Basic dGVzdDp0ZXN0"}',
        'token = Token{Tags: "tag1,tag2,tag3,tag4,tag5,tag6"}',
        "id = convert(`664a062ac74a8ad104e0e80e`) // token",
        'TOKEN = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")',
        "key = rsa.generate_private_key(public_exponent=65537, key_size=2048)",
        'PIXEL = b64decode("R0lGODlhAQABAHAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")',
        'password=os.environ["P"], require_issuer="/C=SE/ST=Stockholm"',
    ],
)
def test_code_about_secrets_is_not_one(line: str) -> None:
    assert find_secrets(f"def f():\n    {line}\n".encode()) == []


def test_a_private_key_goes_to_its_end() -> None:
    body = "\n".join(drawn(64) for _ in range(12))
    key = f"-----BEGIN EC PRIVATE {'KEY'}-----\n{body}\n-----END EC PRIVATE {'KEY'}-----"
    source = f'before = 1\nKEY = """{key}"""\nafter = 2\n'.encode()

    (secret,) = find_secrets(source)

    assert source[secret.start : secret.end] == f'KEY = """{key}"""'.encode()
    assert without_secrets(source) == b"before = 1\n\nafter = 2\n"


def test_a_key_that_does_not_end_goes_as_far_as_it_looks_like_one() -> None:
    lines = [f'    "{drawn(64)}\\n"' for _ in range(5)]
    source = "\n".join([f'KEY = ("-----BEGIN {"PRIVATE"} KEY-----\\n"', *lines, ")", "x = 2"])

    assert without_secrets(source.encode()) == b"\n)\nx = 2"


def test_a_key_in_one_line_ends_there() -> None:
    key = f"-----BEGIN {'PRIVATE'} KEY-----\\n{drawn(64)}\\n-----END {'PRIVATE'} KEY-----"
    source = f'K = "{key}"\nx = 2\nL = "{key}"\ny = 3\n'.encode()

    assert without_secrets(source).split() == [b"x", b"=", b"2", b"y", b"=", b"3"]


def test_two_secrets_and_the_lines_between() -> None:
    lines = [
        "a = 1",
        f'token = "ghp_{drawn(36)}"',
        "b = 2",
        f'p = "glpat-{base64url(20)}"',
        "c = 3",
    ]
    source = "\n".join(lines).encode()
    assert len(find_secrets(source)) == 2
    assert without_secrets(source).split() == b"a = 1 b = 2 c = 3".split()


def test_lines_that_nobody_wrote_are_no_hang() -> None:
    for unit in (
        b"password=",
        b'password="',
        b"a",
        b"://a:b@",
        b"'",
        b"key key ",
        b"eyJ.",
        b"a-",
        b'"' + b"A" * 30,
        b"login(",
        b" -p",
        b"curl -u ",
        b"echo a|",
        b"sshpass -p ",
        b"docker login ",
        b"auth: ",
        b":12:a:a:",
        b"kind: Secret\n",
        b"data:\n a: b\nkind: Secret\n",
        b"a1!b2@",
        b"'a1!b2@",
        b"aB3-",
        b"$6$",
        b"0x",
        b"aws_secret_access_key = ",
    ):
        find_secrets(unit * 50_000)


def test_a_string_of_escapes_without_an_end_is_no_hang() -> None:
    """Seen in a compiled kernel kept as C++ strings: each escape could be read in two ways."""
    for quote in (b'"', b"'", b"`"):
        find_secrets(b"token = " + quote + rb"\x00\"\377" * 300)
