"""An S3 server on loopback, and machines with stores of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from unittest import mock

from moto.server import ThreadedMotoServer

BUCKET = "team"


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a bucket that is there; the environment holds how to reach it, until the end."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "secret-of-nobody",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    try:
        with mock.patch.dict(os.environ, environment):
            import fsspec

            with suppress(FileExistsError):  # one process has one world of buckets
                fsspec.filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
            yield f"s3://{BUCKET}/adapters"
    finally:
        server.stop()
