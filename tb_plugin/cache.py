"""A cache bounded in bytes that many threads share."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class ByteCache:
    """Keeps what was used last, up to a number of bytes.

    Threads that ask for the same thing at the same time wait for one of them to compute it. A
    thing is put under a key that changes with the data it is made of; what is no longer asked
    for falls out in time.

    Args:
        max_bytes: `int`. The bytes of all that is kept; a larger thing is handed out, not kept.
        of_one: exceptions that concern the thread that computes alone; those that wait for it
            compute then.
    """

    def __init__(self, max_bytes: int, of_one: tuple[type[BaseException], ...] = ()):
        self.max_bytes, self._of_one = max_bytes, of_one
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._running: dict[Hashable, Future] = {}

    @property
    def num_bytes(self) -> int:
        """Bytes of all that is kept."""
        return self._bytes

    def kept(self, key: Hashable) -> Any | None:
        """What is kept under a key, or `None`; nothing is computed."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def get(
        self,
        key: Hashable,
        compute: Callable[[], Any],
        num_bytes: Callable[[Any], int],
        keep: bool = True,
    ) -> Any:
        """Return what is kept under a key, computed first where it is not.

        Args:
            key: what the thing is, and which data it is made of.
            compute: makes it; must not ask for the same key. An error it raises reaches all that
                wait, and nothing is kept.
            num_bytes: gives the bytes it holds.
            keep: `bool`, default `True`. Whether to keep it once it is computed.
        """
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
                running = self._running.get(key)
                if running is None:
                    mine: Future = Future()
                    self._running[key] = mine
                    break
            with contextlib.suppress(*self._of_one):
                return running.result()
        try:
            made = compute()
            size = num_bytes(made)
        except BaseException as error:
            with self._lock:
                del self._running[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._running[key]
            if keep and size <= self.max_bytes:
                self._keep(key, made, size)
        mine.set_result(made)
        return made

    def _keep(self, key: Hashable, made: Any, size: int) -> None:
        self._kept[key] = made, size
        self._bytes += size
        while self._bytes > self.max_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
