"""Ways in which a password is written down: by name, by position, in shell flags, encoded.

``{p}`` is a drawn password, ``{p64}`` that in base64, ``{up64}`` "robot:password" in base64,
``{s}`` one with spaces, ``{hash22}`` 22 characters of a hash. Nothing here is real.
"""

from __future__ import annotations

import random
import re
import string
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
CRYPT = ALNUM + "./"
HEX = string.digits + "abcdef"
# Of a line of the file: ``{p}`` and ``{q}`` are passwords, ``{u}`` one in an address, ``{b64}``
# base64 of "robot:password", ``{b64p}`` and ``{b64long}`` of it and of more; ``{h32}`` 32
# hexadecimal digits.
MORE = Path(__file__).parents[1] / "fixtures/secrets/ways.txt"
DRAWN = {
    "a": ALNUM,
    "A": ALNUM,
    "B": ALNUM + "-_",
    "b": ALNUM + "+/",
    "c": CRYPT,
    "k": ALNUM + "+/",
}
DRAWN |= {
    "h": HEX,
    "H": HEX.upper(),
    "d": string.digits,
    "U": string.ascii_uppercase + string.digits,
}
_VALUE = re.compile(r"\{(p|q|u|b64p|b64long|b64|[aABbckhHdU]\d+)\}")

# By the language.
WAYS: dict[str, tuple[str, ...]] = {
    "python": (
        'server.login("robot@example.org", "{p}")',
        'requests.get(url, auth=("sync-bot", "{p}"), timeout=10)',
        'session.auth = HTTPBasicAuth("sync-bot", "{p}")',
        'psycopg2.connect("db1", "app", "{p}")',
        'connection = pymysql.connect("db1", user, "{p}", "orders")',
        'ssh.connect(host, 22, "deploy", "{p}")',
        'ftp = FTP("files.example.org", "robot", "{p}")',
        'directory.simple_bind_s("cn=robot,dc=example", "{p}")',
        'archive.setpassword(b"{p}")',
        'archive.extractall(path, pwd=b"{p}")',
        'subprocess.run(["sshpass", "-p", "{p}", "scp", name, target])',
        'os.environ["DB_PASS"] = "{p}"',
        'settings = dict(user="app", pass_="{p}")',
        'password = "{s}"',
        "manager.add_password(None, url, 'robot', '{p}')",
        'box.authenticate("robot", "{p}")',
        'client.login(\n        "robot",\n        "{p}",\n    )',
    ),
    "javascript": (
        'const pool = mysql.createConnection("db1", "app", "{p}");',
        "await page.type('#field', '{p}');",
        'client.auth("robot", "{p}");',
        "const transport = make({{ user: 'robot', pass: '{p}' }});",
        'mongoose.connect(url, {{ user: "app", pass: "{p}" }});',
        "await signIn('robot@example.org', '{p}');",
        "const passphrase = `{s}`;",
    ),
    "typescript": (
        'const client: Client = new Client("robot", "{p}");',
        "private readonly pass: string = '{p}';",
        'await cy.login("robot", "{p}");',
    ),
    "go": (
        'cfg := Config{{Host: "db1", User: "app", Pass: "{p}", Name: name}}',
        'req.SetBasicAuth("robot", "{p}")',
        'auth := smtp.PlainAuth("", "robot@example.org", "{p}", host)',
        'info := url.UserPassword("robot", "{p}")',
        'conn, err := Connect("db1", "app", "{p}")',
        "pass := `{p}`",
    ),
    "java": (
        'return DriverManager.getConnection(url, "app", "{p}");',
        'return new PasswordAuthentication("robot", "{p}".toCharArray());',
        'store.load(stream, "{p}".toCharArray());',
        'return new UsernamePasswordToken("robot", "{p}");',
        'source.setPassword("{p}");',
        'return Credentials.basic("robot", "{p}");',
    ),
    "php": (
        '$db = new mysqli("db1", "app", "{p}", "orders");',
        "$db = mysqli_connect('db1', 'app', '{p}');",
        '$db = new PDO($dsn, "app", "{p}");',
        'curl_setopt($ch, CURLOPT_USERPWD, "robot:{p}");',
        "define('DB_PASS', '{p}');",
        "ftp_login($connection, 'robot', '{p}');",
    ),
    "ruby": (
        'request.basic_auth "robot", "{p}"',
        'Net::SSH.start("db1", "deploy", :pass => "{p}")',
        "smtp.start('example.org', 'robot', '{p}', :plain)",
        'http_basic_authenticate_with name: "robot", pass: "{p}"',
    ),
    "c#": (
        'handler.Credentials = new NetworkCredential("robot", "{p}");',
        'client.Authenticate("robot@example.org", "{p}");',
        'var db = new Connection("Server=db1;Uid=app;Pwd={p};");',
    ),
    "rust": (
        'let reply = client.get(url).basic_auth("robot", Some("{p}")).send()?;',
        'let mail = Credentials::new("robot".to_string(), "{p}".to_string());',
        'session.userauth_password("robot", "{p}")?;',
    ),
    "shell": (
        'curl -u "robot:{p}" https://example.org/report',
        "curl --user robot:'{p}' -O https://example.org/report",
        "sshpass -p '{p}' scp report web@www.example.org:/srv/",
        "docker login -u robot -p '{p}' registry.example.org",
        "mysql -u app -p'{p}' orders < dump.sql",
        "mysqldump --user=app --password='{p}' orders",
        "redis-cli -h cache -a '{p}' flushall",
        "openssl enc -aes-256-cbc -pass 'pass:{p}' -in report",
        "openssl rsa -in key.pem -passin 'pass:{p}'",
        "echo 'robot:{p}' | chpasswd",
        "echo '{p}' | sudo -S systemctl restart web",
        "htpasswd -b /etc/users robot '{p}'",
        "ldapsearch -D cn=robot -w '{p}' -b dc=example",
        "smbclient //files/share -U 'robot%{p}'",
        "zip -P '{p}' report.zip report",
        "7z x -p'{p}' report.7z",
        "wget --http-user=robot --http-password='{p}' https://example.org",
        "gpg --batch --passphrase '{p}' -d report.gpg",
        "mongo orders -u app -p '{p}'",
        "rabbitmqctl add_user robot '{p}'",
        "keytool -list -keystore keys -storepass '{p}'",
        "sqlcmd -S db1 -U app -P '{p}'",
        "az login --service-principal -u robot -p '{p}'",
        "helm registry login -u robot -p '{p}' registry.example.org",
        "PGPASSWORD='{p}' psql -h db1 app",
        "export DB_PASS='{p}'",
    ),
    "files": (
        "pass: {p}",
        'pass = "{p}"',
        "machine example.org login robot password {p}",
        "db1:5432:orders:app:{p}",
        "ENV APP_PASS={p}",
        "ENV MYSQL_ROOT_PASSWORD {p}",
        "<password>{p}</password>",
        '<add key="Password" value="{p}" />',
        "spring.datasource.password={p}",
        "CREATE USER app IDENTIFIED BY '{p}';",
        "ALTER ROLE app WITH ENCRYPTED PASSWORD '{p}';",
        "# log in as robot / {p}",
    ),
    "encoded": (
        '"auth": "{up64}"',
        '"auths": {{"registry.example.org": {{"auth": "{up64}"}}}}',
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  store: {p64}\n",
        "apiVersion: v1\ndata:\n  store: {p64}\nkind: Secret\n",
        "kind: Secret\nstringData:\n  store: {p}\n",
        "robot:$apr1${salt}${hash22}",
        "robot:$2y$05${hash53}",
        "robot:{{SHA}}{sha64}=",
        "robot:$6${salt}${hash86}:19000:0:99999:7:::",
        "robot:$y$j9T${salt}${hash43}:19000:0:99999:7:::",
        "//registry.example.org/:_auth={up64}",
        "Authorization: Basic {up64}",
        "header = 'Basic {up64}'",
    ),
}


def password(rng: random.Random) -> str:
    """Letters, one sign, digits: 12 characters."""
    head = "".join(rng.choices(string.ascii_lowercase, k=4))
    tail = "".join(rng.choices(ALNUM, k=5))
    digits = "".join(rng.choices(string.digits, k=2))
    return f"{head}{rng.choice('!#%^*?@')}{tail}{digits}"


def ways(seed: int) -> list[tuple[str, str, str]]:
    """(language, text, what nobody may know of it), one of each way."""
    rng = random.Random(seed)
    found = [(language, *_written(rng, way)) for language, some in WAYS.items() for way in some]
    for line in MORE.read_text().splitlines():
        language, way = line.split(" | ", 1)
        found.append((language, *_filled(rng, way.replace("\\n", "\n"))))
    return found


def _filled(rng: random.Random, way: str) -> tuple[str, str]:
    """A line of the file, and what is in it from its first value to its last."""
    # "%27" may as well be an apostrophe in an address.
    plain = password(rng).replace("%", "^")

    def value(match: re.Match[str]) -> str:
        named = {"p": plain, "q": password(rng), "u": quote(plain, safe="")}
        named["b64p"] = b64encode(plain.encode()).decode()
        named["b64"] = b64encode(f"robot:{plain}".encode()).decode()
        named["b64long"] = b64encode(f"user: robot\npass: {plain}\n".encode()).decode()
        found = named.get(match[1])
        return found or "".join(rng.choices(DRAWN[match[1][0]], k=int(match[1][1:])))

    text, parts = _VALUE.sub(value, way), _VALUE.split(way)
    return text, text[len(parts[0]) : len(text) - len(parts[-1])]


def _written(rng: random.Random, way: str) -> tuple[str, str]:
    def drawn(size: int, alphabet: str = CRYPT) -> str:
        return "".join(rng.choices(alphabet, k=size))

    plain = password(rng)
    values = {
        "p": plain,
        "s": f"{drawn(4, ALNUM)} {drawn(3, ALNUM)}{rng.randrange(10)} {drawn(3, ALNUM)}!",
        "p64": b64encode(plain.encode()).decode(),
        "up64": b64encode(f"robot:{plain}".encode()).decode(),
        "salt": drawn(8, ALNUM),
        "sha64": drawn(27, ALNUM),
        **{f"hash{size}": drawn(size) for size in (22, 43, 53, 86)},
    }
    used = [name for name in values if f"{{{name}}}" in way and name != "salt"]
    return way.format(**values), values[used[0]]
