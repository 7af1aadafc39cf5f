"""Choosing Keras' backend before Keras is imported, without start-up notes of TensorFlow."""

import contextlib
import importlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# INFO lines of TensorFlow's native libraries, which no environment variable silences.
_NOTE = re.compile(r"^(I0000 |WARNING: All log messages before absl::InitializeLog)")


def start_backend(wanted: str | None = None) -> None:
    """Set and import Keras' backend; its float32 is float32.

    By default both backends' float32 products keep 10 of 23 bits on newer GPUs (TensorFloat-32),
    and fields would differ with the device. So that is turned off; for speed there is
    `mixed_bfloat16`.

    Args:
        wanted: `"tensorflow"`, `"jax"`, or `None` for the variable KERAS_BACKEND, Keras' own
            configuration, or JAX where TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if wanted is None and "KERAS_BACKEND" not in os.environ:
        wanted = None if _has_tensorflow() else "jax"
    if wanted is not None:
        os.environ["KERAS_BACKEND"] = wanted
    with without_notes():
        keras = importlib.import_module("keras")
    if keras.backend.backend() == "jax":
        importlib.import_module("jax").config.update("jax_default_matmul_precision", "float32")
    elif keras.backend.backend() == "tensorflow":
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def _has_tensorflow() -> bool:
    try:
        return importlib.util.find_spec("tensorflow") is not None
    except ImportError:
        # Import hooks may refuse a package by raising where others find nothing.
        return False


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what native libraries write to standard error, and pass on all but notes.

    With any backend Keras imports TensorFlow, where it is installed, to save or load a model.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not _NOTE.match(line):
                    print(line, file=sys.stderr)
