"""The threads that decode and resize images."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor


@functools.cache
def image_threads() -> ThreadPoolExecutor:
    """Return the threads that decode and resize; Pillow releases the interpreter lock in both."""
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1), thread_name_prefix="sfp-image")
