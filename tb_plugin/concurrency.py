"""Bounds how much heavy work runs at once, and does none for a browser that has left."""

import contextlib
import contextvars
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException

_connection: contextvars.ContextVar[Any] = contextvars.ContextVar("connection", default=None)


class ClientLeft(HTTPException):
    """The browser ended the request before the answer was computed."""

    code = 499
    description = "the browser ended the request before it was computed"


class WorkLimit:
    """Lets a number of threads work at a time; the others wait.

    Args:
        at_once: `int`. How many.
    """

    def __init__(self, at_once: int):
        self._free = threading.BoundedSemaphore(at_once)
        self._thread = threading.local()

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a slot is free, and hold it. A thread that holds one already goes on.

        Raises:
            ClientLeft: if the browser that asked has ended the request by then.
        """
        if getattr(self._thread, "held", False):
            yield
            return
        with self._free:
            # A slider that is moved leaves many requests behind: only the last is of use.
            if _has_left(_connection.get()):
                raise ClientLeft
            self._thread.held = True
            try:
                yield
            finally:
                self._thread.held = False


@contextlib.contextmanager
def serving(environ: Mapping[str, Any]) -> Iterator[None]:
    """Note which browser this thread answers.

    Args:
        environ: WSGI environment. TensorBoard's server puts the connection in it; without one a
            browser that leaves is not noticed.
    """
    token = _connection.set(environ.get("werkzeug.socket"))
    try:
        yield
    finally:
        _connection.reset(token)


def _has_left(connection: Any) -> bool:
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except ValueError:  # Too many open files for select, or an encrypted connection.
        return False
    except OSError:
        return True
