"""Framing survives what real pipes deliver: pieces, garbage, and headers nobody promised."""

from __future__ import annotations

import asyncio
import os

import pytest
from homespun_server.errors import ServerError
from homespun_server.transport import Connection, FrameDecoder, Stream
from hypothesis import given, settings
from hypothesis import strategies as st


def frame(body: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(body) + body


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6), st.data())
def test_frames_arrive_whole_however_they_are_cut(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, bodies))
    decoder, got, at = FrameDecoder(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 40))
        got += decoder.feed(stream[at : at + size])
        at += size
    assert got == bodies


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: %d\r\nContent-Type: x\r\n\r\n",
        b"nonsense without an end Content-Length: %d\r\n\r\n",
        b"Content-Length: %d\n\n",
        b"nonsense\r\n\r\nContent-Length: %d\r\n\r\n",
    ],
)
def test_headers_that_clients_send(header: bytes) -> None:
    assert FrameDecoder().feed(frame(b"{}", header) + frame(b"[]")) == [b"{}", b"[]"]


def test_a_body_cut_short_costs_itself_and_no_other() -> None:
    broken = b'Content-Length: 8\r\n\r\n{"jsonrpc": "2.0"}'
    assert FrameDecoder().feed(broken + frame(b"{}"))[1:] == [b"{}"]


def test_a_length_beyond_reason_ends_the_connection() -> None:
    with pytest.raises(ServerError, match="not sane"):
        FrameDecoder().feed(b"Content-Length: 99999999999\r\n\r\n")


def test_garbage_does_not_pile_up() -> None:
    decoder = FrameDecoder()
    for _ in range(100):
        assert decoder.feed(b"x" * 10_000) == []
    assert len(decoder._buffer) <= 1 << 16
    assert decoder.feed(b"\r\n\r\n" + frame(b"{}")) == [b"{}"]


def pipe_stream() -> tuple[Stream, int, int]:
    """A stream over two pipes; the ends an editor holds."""
    to_server, from_editor = os.pipe()
    from_server, to_editor = os.pipe()

    def write(data: bytes) -> None:
        os.write(to_editor, data)

    return Stream(lambda size: os.read(to_server, size), write), from_editor, from_server


async def test_messages_pass_and_the_end_of_the_pipe_ends_the_run() -> None:
    stream, to_server, from_server = pipe_stream()
    connection, got = Connection(stream), []

    def receive(body: bytes) -> None:
        got.append(body)
        connection.write(b"answer")

    run = asyncio.ensure_future(connection.run(receive))
    os.write(to_server, frame(b"one") + frame(b"two"))
    os.close(to_server)
    await asyncio.wait_for(run, 5)
    assert got == [b"one", b"two"]
    assert os.read(from_server, 100) == b"answeranswer"


async def test_an_editor_that_reads_nothing_does_not_block_the_loop() -> None:
    stream, to_server, _unread = pipe_stream()
    connection = Connection(stream)
    run = asyncio.ensure_future(connection.run(lambda _body: None))
    await asyncio.sleep(0)
    for _ in range(70):
        connection.write(b"x" * (1 << 20))  # a pipe holds 64 KB: the rest has to wait elsewhere
    await asyncio.wait_for(run, 10)
    os.close(to_server)
