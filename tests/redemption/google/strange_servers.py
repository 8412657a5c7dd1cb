"""Servers that speak HTTP as Google never should: the bytes of a test, piece by piece, to whoever asks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def saying(*pieces: bytes, pause: float = 0) -> Iterator[str]:
    """The address of a server that says these bytes with pauses of seconds between, and hangs up."""
    leaving = threading.Event()

    def converse() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65_536)
                    for piece in pieces:
                        connection.sendall(piece)
                        leaving.wait(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=converse, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        leaving.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
