"""A web server on the loopback interface that stands for good and bad mirrors, each under a path of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

PORTAL = b"<html><title>Welcome to the guest network</title></html>" * 40


@dataclass
class Mirrors:
    """Addresses under ``url``: good, missing, portal, half, endless. ``asked`` lists the paths that were requested."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def at(self, kind: str) -> str:
        return f"{self.url}/{kind}/"


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Mirrors]:
    """Serve *files* (name to content) until the block ends."""
    mirrors = Mirrors(files=files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirrors.asked.append(self.path)
            _, kind, name = self.path.split("/", 2)
            content = files[name]
            if kind == "missing":
                self.send_error(404)
                return
            announced, sent = len(content), content
            if kind == "portal":
                announced, sent = len(PORTAL), PORTAL
            elif kind == "half":
                sent = content[: len(content) // 2]
            elif kind == "endless":
                announced, sent = 1 << 40, bytes(1 << 20)
            self.send_response(200)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            try:
                self.wfile.write(sent)
                while kind == "endless":
                    self.wfile.write(sent)
            except ConnectionError:
                pass  # the client had enough

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    mirrors.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield mirrors
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port of the loopback interface on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def stay_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection elsewhere fail the test, and keep proxies of the environment out of it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1", f"a test asked for {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setenv("NO_PROXY", "*")
