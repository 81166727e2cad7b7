"""What makes a line worth a look by the detectors of secrets: names, calls, flags, formats.

Each cue has literals of three letters or more, of which a source must hold one: so a source is
asked for all of them at once (``literals``). Only what has none is a pattern by itself, with a sign
or two in front that are quickly searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What a line must hold besides a name. Bounded, or a long line would be read again and again.
CAN_HOLD_A_VALUE = re.compile(
    rb"[\"'`]|\d[^\n]*\d[^\n]*\d|\d[^\s\d]{0,64}[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]{0,64}\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # the value may be on the next line
    rb"|<<[-~<]?[\"']?[A-Za-z]\w*[\"']?[ \t\r]*$"
    rb"|(?<![\w.])(?=[a-z0-9]{0,64}[A-Z])(?=\w{0,64}\d)[A-Za-z0-9]{8,64}(?![\w.(\[])"
)
CAN_BE_NAMED = re.compile(
    rb"[\"'`][^\"'`]{0,200}[\d!@#$%^&*?~]|[\"'`]\S{0,64}[a-z][A-Z]+[a-z]+[A-Z]"
    rb"|\d[^\n]*\d[^\n]*\d|\d[^\s\d]{0,64}[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]{0,64}\d"
    rb"|[(=\\+|,?][ \t\r]*$"  # or on the next line
    rb"|<<[-~<]?[\"']?[A-Za-z]\w*[\"']?[ \t\r]*$"
    rb"|(?<![\w.])(?=[a-z0-9]{0,64}[A-Z])(?=\w{0,64}\d)[A-Za-z0-9]{8,64}(?![\w.(\[])"
)
# In a string, or a strong word.
CAN_BE_GIVEN = re.compile(
    rb"[\"'`](?=[^\"'`\s]{8})[^\"'`\s]{0,64}[A-Za-z][^\"'`\s]{0,64}\d"
    rb"|[\"'`](?=[^\"'`\s]{8})[^\"'`\s]{0,64}\d[^\"'`\s]{0,64}[A-Za-z]"
    rb"|[\"'`][^\"'`\s]{1,16} [^\"'`]{0,64}\d"  # with spaces
    rb"|\d[^\s\d]{0,64}[!@#$%^&*?~]|[!@#$%^&*?~][^\s\d]{0,64}\d|\([ \t\r]*$"
)
# A string that is drawn, for calls that are given all sorts of things.
CAN_BE_TYPED = re.compile(
    rb"[\"'`](?=[^\"'`]{8})(?=[^\"'`]{0,64}[a-z])(?=[^\"'`]{0,64}[A-Z])[^\"'`]{0,64}\d|\([ \t\r]*$"
)
# Behind a flag of a command, or without one.
CAN_BE_BARE = re.compile(rb"\d[^\s\d]{0,64}[!@#$%^&*?~A-Za-z]|[!@#$%^&*?~A-Za-z][^\s\d]{0,64}\d")
_ADDRESS = re.compile(rb"://\S{12}")
_PARAMETER = re.compile(rb"[?&;#][\w-]{1,24}=[\w%+/~-]{16}")


@dataclass(frozen=True, slots=True)
class Cue:
    """Any of ``words``, or a ``pattern`` that holds one of them."""

    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes] | None = None
    value: re.Pattern[bytes] | None = None
    """What the line must hold besides. With it, case does not count."""


def _pattern(pattern: bytes, *words: bytes) -> Cue:
    return Cue(words, re.compile(pattern))


def _each(value: re.Pattern[bytes] | None, words: str | Iterable[bytes]) -> tuple[Cue, ...]:
    """A cue for each of some words, between bars in a text."""
    found = words.encode().split(b"|") if isinstance(words, str) else words
    return tuple(Cue((word,), None, value) for word in found)


_KINDS_OF_KEYS = (
    *(b"api", b"auth", b"service", b"account", b"db", b"database", b"priv", b"private", b"client"),
    *(
        b"access",
        b"signing",
        b"encryption",
        b"master",
        b"app",
        b"cookie",
        b"hmac",
        b"jwt",
        b"session",
    ),
    *(
        b"shared",
        b"cipher",
        b"aes",
        b"subscription",
        b"license",
        b"consumer",
        b"deploy",
        b"storage",
    ),
)
_NAMES = (
    *_each(
        CAN_HOLD_A_VALUE,
        "passw|passphrase|pwd|_pass|dbpass|databasepass|keypass|secret|contrase|bearer|credential"
        "|authorization|identified by|kennwort|motdepasse|mot_de_passe|senha|wachtwoord|senord"
        "|salasana|masterauth|authtok|pepper|clave|heslo|parola|haslo",
    ),
    *_each(
        CAN_HOLD_A_VALUE,
        (kind + mark + b"key" for kind in _KINDS_OF_KEYS for mark in (b"", b"_", b"-", b" ")),
    ),
    *_each(CAN_HOLD_A_VALUE, "密码|密碼|口令|пароль|パスワード|비밀번호"),
    Cue((b"token",), re.compile(rb"token(?!i[sz])"), CAN_BE_NAMED),
    Cue(
        (b"pass",),
        re.compile(rb"pass_?[\"'`\[\])]*[ \t]*(?:[:=,>]|[\"'`]|[^\s\d]{0,40}\d)"),
        CAN_BE_NAMED,
    ),
    *_each(CAN_BE_NAMED, "psk|mdp|creds|pswd|community"),
)
_CALLS = (
    *_each(
        CAN_BE_GIVEN,
        "login|logon|log in|signin|sign_in|sign in|signup|sign_up|connect|auth|bind|basic|mysqli"
        "|pdo(|userpwd|chararray|decrypt|unlock|ftp|smtp|imap|ssh|rabbitmqctl|sudo -s|--stdin|user("
        "|account(|create_user|redis|sequelize|pool(|securestring|username_pw",
    ),
    *_each(
        CAN_BE_TYPED,
        "crypt|hmac|cipher|jwt|verify|sign(|signwith|argon2|pbkdf2|derive|hash(|make(|matches("
        "|compare|checkpw|check_pw|strcmp|fill|type(|typetext|sendkeys|send_keys|sendline|send("
        "|send -|send \"|type '|type \"|text '|getbytes|values (|values("
        "|entertext|write(|getpass|wifi|softap|config(|begin(|cert_chain|from_private_key"
        "|identity(|usmuser|communitydata|dialer|cookie|x509|createasync|serializer|keychain"
        "|singleton|forurl|partial(|inlinedata|user|account|cred",
    ),
)
_COMMANDS = (
    *_each(
        CAN_BE_BARE,
        "snmp|net use|net user|kinit|<<<|pass:|/rp |signtool|/pass:|sqlplus|impdp|expdp|rman t"
        "|isql |vault login"
        "|wpa_pass|iwconfig|username=|user=|--encrypt|--cert|http-basic|bundle config|impacket"
        "|set-user-pass|exec.py|dump.py|evil-winrm|user_pw|requirepass|cryptsetup|vncpasswd|--key"
        "|api-key|chpasswd|psk|pass ",
    ),
    _pattern(rb"key [05789] \S{8}", b"key "),
    _pattern(rb"/p:\S{6}", b"/p:"),
    _pattern(rb" on [^\n]{0,80}>\S{8}", b" on "),
    _pattern(rb"user(?:name)? +\S{1,40} +(?=\S{0,64}\d)\S{8}", b"user ", b"rname "),
    Cue((b"auth ",), re.compile(rb"auth (?=\S{0,64}\d)\S{8}"), CAN_BE_BARE),
)
_FORMATS = (
    *_each(
        None,
        "PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-|github_pat_|GR1348941|AIza|ya29.|xapp-"
        "|hooks.slack|k_live_|k_test_|whsec_|sk-|_authToken|pypi-|SG.|eyJ|sq0|-us|AccountKey="
        "|SharedAccessKey=|dapi|EAA|cloudant|LTAI|AVNS_|/webhooks/|.webhook.office|.atlasv1."
        "|FFFFNRAL|pbkdf2_sha|htpasswd|access_token$|ABSK|AKCp|APA91|amzn|0201036c6e64|1//0|Atzr|"
        "GOOG1|IQoJ|FwoG|bce-v3|nsec1|mfa.|ImF1dGhz|NRJS-|chpt_|FLWSECK|apt-|aat-|1000.|fm1|fm2",
    ),
    _pattern(rb"\dQ~", *(b"%dQ~" % digit for digit in range(10))),
    _pattern(rb"gh[pousr]_[A-Za-z0-9]{30}", *(b"gh%c_" % kind for kind in b"pousr")),
    _pattern(rb"hf_[A-Za-z0-9]{30}", b"hf_"),
    _pattern(rb"npm_[A-Za-z0-9]{36}", b"npm_"),
    *_each(
        None, "glpat-|gldt-|glft-|glrt-|glsoat-|glcbt-|glptt-|glimt-|glagent-|gloas-|glffct-|glwt-"
    ),
    _pattern(rb"xox[abopsr]-", b"xox"),
    _pattern(rb"XOX[BP]-", b"XOX"),
    *_each(None, "shpat_|shpca_|shppa_|shpss_|A3T|ABIA|ACCA|AKIA|ASIA"),
    _pattern(rb"hv[sbr]\.", b"hvs.", b"hvb.", b"hvr."),
    _pattern(rb"dp\.(?:ct|pt|sa|scim|st|audit)\.", b"dp."),
    _pattern(rb"sl\.[\w.-]{60}", b"sl."),
    _pattern(rb"dt0\w\d\d\.", b"dt0"),
    _pattern(rb"v1\.0-[0-9a-f]{24}", b"v1.0-"),
    _pattern(rb"oy2[a-z0-9]{43}", b"oy2"),
    _pattern(rb"ser\.\w{18}", b"ser."),
    _pattern(rb"st\.[0-9a-f]{24}", b"st."),
    _pattern(rb"SCW[A-Z0-9]{17}", b"SCW"),
    _pattern(rb"EXO[0-9a-f]{24}", b"EXO"),
    _pattern(rb"00D\w{12}!", b"00D"),
    _pattern(rb"YC[AMNOP][\w-]{18}", *(b"YC%c" % kind for kind in b"AMNOP")),
    _pattern(
        rb"_(?:live|test|prod|sbox|sandbox)_(?=\w{0,64}\d)[A-Za-z0-9]{14}",
        *(b"live_", b"test_", b"prod_", b"sbox_", b"dbox_"),
    ),
    _pattern(rb"(?:dose|dkea|ddbx)[0-9a-f]{32}", b"dose", b"dkea", b"ddbx"),
    # Credentials in another form.
    _pattern(rb"asic [A-Za-z0-9+/]{10,}", b"asic "),
    _pattern(rb"auth[\"']?[ \t]*[:=][ \t]*[\"']?[A-Za-z0-9+/]{10,}", b"auth"),
    *_each(
        None,
        "{SHA|{SSHA|{MD5|{SMD5|{CRYPT}|{PBKDF2|SCRAM-SHA-|$krb5|word::|</key>|><value|"
        "><Value|<![CDATA[",
    ),
    *_each(CAN_BE_TYPED, "b64decode|atob(|decode64|frombase64"),
    _pattern(rb"base64 +-{1,2}[dD]", b"base64 -"),
    # Addresses that let in whoever knows them.
    _pattern(rb"://[^\s/:@'\"]*:[^\s/@'\"]+@", b"://"),
    _pattern(rb"://[\w-]{20,}@", b"://"),
    *_each(
        _PARAMETER,
        "sig=|ture=|mac=|?h=|&h=|?t=|&t=|code=|auth=|ret=|word=|swd=|pwd=|ken=|key=|ash=",
    ),
    *_each(_ADDRESS, "hook|hc-ping|pipedream|/with/key/"),
    _pattern(
        rb"/(?:private|secret|token|key)-[0-9a-f]{32}", b"private-", b"secret-", b"token-", b"key-"
    ),
)
CUES = (*_NAMES, *_CALLS, *_COMMANDS, *_FORMATS)
# In small letters.
LOWER = (re.compile(rb"pw(?![a-z])[\"'`\[\])]*[ \t]*(?:[:=,<>!(]|[\"'`]|[^\s\d]{0,40}\d)"),)
# In a source that has a long run of letters and digits.
PATTERNS_OF_RUNS = (
    re.compile(rb"AC[a-z0-9]{32}"),
    re.compile(rb"SK[a-z0-9]{32}"),
    re.compile(rb":[0-9A-Za-z_-]{35}"),
    re.compile(rb"\.[\w-]{6}\.[\w-]{27}"),
    re.compile(rb"\.[0-9a-f]{24}"),
    re.compile(rb"0x[0-9a-f]{64}"),
    re.compile(rb":[0-9a-f]{32}"),
    re.compile(rb"/[0-9a-f]{40}"),
    re.compile(rb"-[0-9a-f]{24}"),
    re.compile(rb"s\.[A-Za-z0-9]{24}"),
    re.compile(rb"1\$\w{8,40}\$[0-9a-f]{40}"),
    re.compile(rb"\"md5[0-9a-f]{32}"),
)
PATTERNS = (
    re.compile(rb"-[0-9a-f]{8}-[0-9a-f]{4}"),
    re.compile(rb"\d\.[0-9a-f]{8}-[0-9a-f]{4}-"),
    re.compile(rb"A3-[A-Z0-9]{6}-"),
    re.compile(rb"u\+[\w-]{18}"),
    re.compile(rb"\$(?:\d\w?|y|gy|apr1|sha1|md5|argon2\w*|scrypt|pbkdf2[\w-]*|[PHS])\$"),
    # Lines of files of accounts.
    re.compile(rb":(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:"),
    re.compile(rb":[\w./]{13}:\d{5}:"),
    re.compile(rb":[^\s:/\"'(),;{}]{8,64}[\"']?[ \t\r]*(?:\n|\Z)"),
    re.compile(rb" \*[ \t]+[\"']?[^\s*\"']{8,64}[\"']?[ \t]+\*[ \t\r]*(?:\n|\Z)"),
    # Strings of some languages: R"(…)", [[…]], %q(…), q{…}, ~s(…).
    re.compile(rb"R\"[^()\\\s]{0,16}\((?=[^\s\"]{0,64}\d)"),
    re.compile(rb"\[=*\[(?=[^\s\"'`\[\],]{0,64}\d)[^\s\"'`\[\],.:]{8}"),
    re.compile(rb"%[qQwW][({\[|!/]"),
    re.compile(rb"q[({\[<|!/](?=[^\s\"'`]{0,64}\d)[^\s\"'`().,]{8}"),
    re.compile(rb"~[sS][({\[/|]"),
    # A string of letters, digits and signs.
    re.compile(rb"[\"'`](?=[\w+:-]*[!@#$%^&*?~])[\w!@#$%^&*?~+:-]{8,64}(?=[\"'`\\\r\n]|\Z)"),
)
# A password before the address that it is for.
AT = re.compile(rb"@[\w(/\[]")
BEFORE_AT = re.compile(rb"[:/](?=[^\s:/\"'`]*\d)[^\s:/\"'`]{8,40}$")
# A string that somebody may have drawn: a digit, or capitals where no word has them.
STRING = re.compile(rb"[\"'`][A-Za-z0-9+/_=\\-]{20,}[\"'`]")
DRAWN = re.compile(rb"\d|[a-z][A-Z]+[a-z]+[A-Z]+[a-z]+[A-Z]|[A-Z]{2}[a-z]{1,2}[A-Z]")
# What is behind a flag of a command.
FLAG = re.compile(rb"[ \"']--?(?:[upawUPAXskbKNE]|[uo]?pw|[xah]p|cert|pass\w*)[ =\"'\w!@#$%^&*]")
