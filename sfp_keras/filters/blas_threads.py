"""One thread for products that are too small to share."""

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

try:
    import threadpoolctl
except ImportError:  # NumPy alone does, more slowly on a busy machine.
    threadpoolctl = None

# Inner dimensions up to this are bound by the writing of what comes out; products of up to so
# many multiplications are over before threads have met.
_SMALL_INNER, _SMALL_PRODUCT = 32, 2**25
_LOCK = threading.Lock()


@contextlib.contextmanager
def one_blas_thread(rows: int, inner: int, columns: int) -> Iterator[None]:
    """Let NumPy's products run on one thread where they are small.

    Several threads gain little there, and wait for each other where another program, or
    TensorFlow in this one, has the cores: 30 times longer was measured.

    Args:
        rows: `int`. Of each product.
        inner: `int`. The dimension that is summed over.
        columns: `int`.
    """
    large = inner > _SMALL_INNER and rows * inner * columns > _SMALL_PRODUCT
    if threadpoolctl is None or large:
        yield
        return
    # The number is the process's: a second thread would find 1, and restore 1 as the last to leave.
    with _LOCK, _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> Any:
    return threadpoolctl.ThreadpoolController()
