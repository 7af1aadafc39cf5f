"""Choosing Keras' backend before Keras is imported, without start-up notes of TensorFlow."""

import contextlib
import gc
import importlib
import importlib.util
import json
import logging
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# INFO lines of TensorFlow's native libraries, which no environment variable silences.
_NOTE = re.compile(r"^(I0000 |WARNING: All log messages before absl::InitializeLog)")


def choose_backend(wanted: str | None) -> None:
    """Say which backend Keras starts on, whoever imports it first: a user's own code may.

    Args:
        wanted: as of `start_backend`.
    """
    # Before TensorFlow is imported: its notes would stand before all that a command says.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow takes oneDNN's convolutions by itself only on processors with AVX512_VNNI or later;
    # on those with AVX2 alone a training is 1.6 to 3 times as fast with them.
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if wanted is None and "KERAS_BACKEND" not in os.environ and not _has("tensorflow"):
        wanted = "jax"
    if wanted is not None:
        os.environ["KERAS_BACKEND"] = wanted


def start_backend(wanted: str | None = None, for_shapes: bool = False) -> None:
    """Set and import Keras' backend; its float32 is float32.

    By default both backends' float32 products keep 10 of 23 bits on newer GPUs (TensorFloat-32),
    and fields would differ with the device. So that is turned off; for speed there is
    `mixed_bfloat16`.

    Args:
        wanted: `"tensorflow"`, `"jax"`, or `None` for the variable KERAS_BACKEND, Keras' own
            configuration, or JAX where TensorFlow is not installed.
        for_shapes: `bool`. Whether networks are built but never run, so that any backend will do:
            the one that is imported sooner where none is asked for. Default False.

    Raises:
        ValueError: if Keras was started on another backend before.
    """
    started = sys.modules["keras"].backend.backend() if "keras" in sys.modules else None
    if started is not None and wanted not in (None, started):
        raise ValueError(
            f"Keras was started before, on {started}; ask for {started}, or set no KERAS_BACKEND "
            "in your own code"
        )
    any_will_do = for_shapes and wanted is None and "KERAS_BACKEND" not in os.environ
    sooner = any_will_do and started is None and _has("jax")
    choose_backend("jax" if sooner else wanted)
    # What Keras and TensorFlow import where it is installed, and no network needs: a quarter of the
    # time to start.
    needless = ["sklearn"]  # For Keras' wrappers.
    if for_shapes:
        needless.append("matplotlib")  # For Keras' pictures; reports load it anyway.
    if _chosen() == "tensorflow":
        needless.append("jax")  # For conversions to TensorFlow Lite.
    with contextlib.ExitStack() as around:
        if started is None:
            around.enter_context(_without_collections())
        around.enter_context(without_notes())
        around.enter_context(_absent(needless))
        keras = importlib.import_module("keras")
    if keras.backend.backend() == "jax":
        importlib.import_module("jax").config.update("jax_default_matmul_precision", "float32")
    elif keras.backend.backend() == "tensorflow":
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def set_random_seed(seed: int) -> None:
    """As `keras.utils.set_random_seed`, which imports TensorFlow on any backend, without notes."""
    with without_notes():
        importlib.import_module("keras").utils.set_random_seed(seed)


@contextlib.contextmanager
def without_tracing_notes() -> Iterator[None]:
    """Hold back TensorFlow's notes that a function is compiled again and again.

    It takes every cut of a network for the same function.
    """
    logger = logging.getLogger("tensorflow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def float32_products() -> Iterator[None]:
    """Make the products of the backend that is loaded float32, as `start_backend` does for good."""
    keras = importlib.import_module("keras")
    if keras.backend.backend() == "jax":
        with importlib.import_module("jax").default_matmul_precision("float32"):
            yield
    elif keras.backend.backend() == "tensorflow":
        config = importlib.import_module("tensorflow").config.experimental
        before = config.tensor_float_32_execution_enabled()
        config.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            config.enable_tensor_float_32_execution(before)
    else:
        yield


def _chosen() -> str | None:
    """The backend that Keras will take; `None` where it has never been configured."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        configured = json.loads((Path(home) / "keras.json").read_text("utf-8"))["backend"]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        configured = None
    return os.environ.get("KERAS_BACKEND") or configured


def _has(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        # Import hooks may refuse a package by raising where others find nothing.
        return False


@contextlib.contextmanager
def _absent(packages: Sequence[str]) -> Iterator[None]:
    """Let packages that are not imported yet seem not to be installed."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Leave what is imported out of every garbage collection, then and later: it stays anyway.

    To look through it again and again takes a tenth of the imports, and a fifth of a short command.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


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
