"""Bounds how much heavy work runs at once, and does none for a browser that has left."""

import contextlib
import contextvars
import dataclasses
import select
import socket
import threading
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException

_connection: contextvars.ContextVar[Any] = contextvars.ContextVar("connection", default=None)


class ClientLeft(HTTPException):
    """The browser ended the request before the answer was computed."""

    code = 499
    description = "the browser ended the request before it was computed"


@dataclasses.dataclass(eq=False)
class _Wait:
    cost: float
    small: bool
    turn: threading.Event = dataclasses.field(default_factory=threading.Event)


class WorkLimit:
    """Lets a number of threads work at a time; the others wait, and take fair turns.

    Turns go to the owner that has had least work done, so that many long requests for one stage do
    not keep back a short one for another (fair queueing by cost, with the clock of the work that
    began last: Golestani, A self-clocked fair queueing scheme, 1994). One more thread works where
    there is small work, which need not wait for the end of large work.

    Args:
        at_once: `int`. How many.
        small: `float`. Most cost of small work. Defaults to 0: there is none.
    """

    def __init__(self, at_once: int, small: float = 0.0):
        self._at_once, self._small = at_once, small
        self._lock = threading.Lock()
        self._waits: dict[Hashable, deque[_Wait]] = {}
        # What owners that wait have had done, on a clock that the work begun last sets.
        self._done: dict[Hashable, float] = {}
        self._clock = 0.0
        self._working, self._large = 0, 0
        self._thread = threading.local()

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot."""
        with self._lock:
            return sum(map(len, self._waits.values()))

    @contextlib.contextmanager
    def slot(self, owner: Hashable = None, cost: float = 1.0) -> Iterator[None]:
        """Wait until a slot is free, and hold it. A thread that holds one already goes on.

        Args:
            owner: whose work it is; owners take turns.
            cost: `float`. How much work it is, in any unit.

        Raises:
            ClientLeft: if the browser that asked has ended the request by then.
        """
        if getattr(self._thread, "held", False):
            yield
            return
        wait = _Wait(cost, cost <= self._small)
        with self._lock:
            if owner not in self._waits:
                self._waits[owner], self._done[owner] = deque(), self._clock
            self._waits[owner].append(wait)
            self._begin()
        wait.turn.wait()
        try:
            # A slider that is moved leaves many requests behind: only the last is of use.
            if _has_left(_connection.get()):
                with self._lock:
                    if owner in self._done:
                        self._done[owner] -= cost
                raise ClientLeft
            self._thread.held = True
            try:
                yield
            finally:
                self._thread.held = False
        finally:
            with self._lock:
                self._working -= 1
                self._large -= not wait.small
                self._begin()

    def _begin(self) -> None:
        """Give the slots that are free to those whose turn it is; the lock is held."""
        slots = self._at_once + (self._small > 0)
        while self._working < slots:
            heads = [
                (self._done[owner] + waits[0].cost, owner)
                for owner, waits in self._waits.items()
                if waits[0].small or self._large < self._at_once
            ]
            if not heads:
                return
            done, owner = min(heads, key=lambda head: head[0])
            wait = self._waits[owner].popleft()
            self._done[owner], self._clock = done, max(self._clock, done)
            if not self._waits[owner]:
                del self._waits[owner], self._done[owner]
            self._working += 1
            self._large += not wait.small
            wait.turn.set()


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
