"""An iterator whose next elements are made ahead in a thread."""

import atexit
import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def prefetch(iterator: Iterator[T], ahead: int = 4) -> Iterator[T]:
    """Yield what `iterator` yields, made ahead in a background thread.

    An error of `iterator` is raised here, after the elements before it. The thread starts with
    the first element asked for and ends when the returned generator ends or is closed.

    Args:
        iterator: the iterator to run ahead; it is used in the thread only.
        ahead: `int`. Most elements waiting. Default 4.

    Yields:
        The elements, in order.
    """
    waiting: queue.Queue[tuple[T, None] | tuple[None, BaseException]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(item: tuple[T, None] | tuple[None, BaseException]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def work() -> None:
        try:
            for element in iterator:
                if not put((element, None)):
                    return
            put((None, StopIteration()))
        except BaseException as error:  # everything belongs to the consumer
            put((None, error))

    thread = threading.Thread(target=work, name="sfp-prefetch", daemon=True)

    def end() -> None:
        stopped.set()
        thread.join()

    thread.start()
    # A generator that is still open when Python exits is closed too late to end a thread.
    atexit.register(end)
    try:
        while True:
            element, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield element  # type: ignore[misc]
    finally:
        atexit.unregister(end)
        end()
