"""A real HTTP server on loopback that speaks as a team's server does, well or badly.

It knows no model: it says one text, one token after another, as vLLM tells of it.
"""

from __future__ import annotations

import datetime
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from homespun_model.bases.base import Base

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass
class RemoteStandIn:
    """What it says, and how it behaves."""

    base: Base
    text: str = "return width * height"
    models: Sequence[str] = ("org/Tiny-Coder",)
    adapters: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    """Adapters that it has and cannot load."""
    failing: dict[str, int] = field(default_factory=dict)
    """Models and adapters with the status that it answers with for them."""
    most: int = 4096
    """Tokens that it takes at once."""
    key: str | None = None
    pause: float = 0.0
    """Seconds before each token."""
    instead: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    """By path, what is answered in place of what is right."""
    hangs: set[str] = field(default_factory=set)
    """Paths that are never answered."""
    breaks_after: int | None = None
    """Tokens after which a stream is cut."""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    """Tokens that were said to each who went away in the middle."""
    tls: ssl.SSLContext | None = None
    url: str = ""

    def tokens(self) -> list[int]:
        return [*self.base.tokenizer.encode(self.text), self.base.fim.end]

    def listed(self) -> dict[str, Any]:
        """/v1/models."""
        about = {"owned_by": "vllm", "parent": None, "max_model_len": self.most}
        roots = [{"id": name, **about} for name in self.models]
        loras = [{"id": name, "parent": self.models[0]} for name in self.adapters]
        return {"object": "list", "data": [*roots, *loras]}

    def tokenized(self, asked: dict[str, Any]) -> dict[str, Any]:
        """/tokenize."""
        tokenizer = self.base.files.tokenizer
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(asked["prompt"], add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        return {"tokens": ids}


def json_of(told: Any) -> Callable[[], Answer]:
    """Good JSON, of anything."""
    body = json.dumps(told).encode()
    return lambda: (200, {"Content-Type": "application/json"}, body)


def event(token: int, logprob: float = -0.1) -> bytes:
    """A token as vLLM tells of it."""
    name = f"token_id:{token}"
    logprobs = {
        "tokens": [name],
        "token_logprobs": [logprob],
        "top_logprobs": [{name: logprob}],
    }
    choice = {"index": 0, "text": "x", "logprobs": logprobs, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@contextmanager
def remote_stand_in(base: Base, **how: Any) -> Iterator[RemoteStandIn]:
    """Serve until the end."""
    stand_in, over = RemoteStandIn(base, **how), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, asked: Any) -> None:
            stand_in.asked.append((self.path, dict(self.headers), asked))
            if self.path in stand_in.hangs:
                over.wait()
            elif (instead := stand_in.instead.get(self.path)) is not None:
                self._send(*instead())
            elif stand_in.key and self.headers["Authorization"] != f"Bearer {stand_in.key}":
                self._send(401, {}, b"")
            elif self.path == "/v1/models":
                self._send(*json_of(stand_in.listed())())
            elif self.path == "/tokenize":
                self._send(*json_of(stand_in.tokenized(asked))())
            elif self.path == "/v1/completions":
                self._complete(asked)
            else:
                self._send(404, {}, b"<html>not found</html>")

        def _complete(self, asked: dict[str, Any]) -> None:
            if asked["model"] in stand_in.broken:
                self._send(400, {}, b"{}")
                return
            if (status := stand_in.failing.get(asked["model"])) is not None:
                self._send(status, {}, b"")
                return
            if asked["model"] not in (*stand_in.models, *stand_in.adapters):
                self._send(404, {}, b"{}")
                return
            if not asked["stream"]:
                self._send(*json_of({"choices": []})())
                return
            self.send_response(200)
            self.end_headers()
            said = 0
            with suppress(OSError):
                for token in stand_in.tokens()[: asked["max_tokens"]]:
                    time.sleep(stand_in.pause)
                    if said == stand_in.breaks_after:
                        return
                    self.wfile.write(event(token))
                    said += 1
                self.wfile.write(b"data: [DONE]\n\n")
                return
            stand_in.gone.append(said)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    if stand_in.tls is not None:
        server.socket = stand_in.tls.wrap_socket(server.socket, server_side=True)
        stand_in.url = f"https://localhost:{server.server_port}"
    try:
        yield stand_in
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def own_certificate(folder: Path) -> Path:
    """A file with a key and a certificate of localhost that nobody but itself has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, encoding = folder / "certificate.pem", serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(encoding, form, plain) + certificate.public_bytes(encoding))
    return file
