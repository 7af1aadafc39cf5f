"""Settings for every test."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sfp_keras.backend import choose_backend, start_backend

# There are more processes than cores: threads of their own would only wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# Before any framework is imported: tests run on what the command runs on.
choose_backend(None)
# Every worker needs Keras, and a quarter of its import is packages that few tests need.
if "PYTEST_XDIST_WORKER" in os.environ:
    start_backend()


def pytest_configure(config: pytest.Config) -> None:
    # Of steps that are not compiled.
    config.addinivalue_line("filterwarnings", "ignore:Even though the `tf.config:UserWarning")


def pytest_collection_finish() -> None:
    """Leave what the imports made out of every garbage collection: a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@contextmanager
def _uncompiled() -> Iterator[None]:
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def uncompiled() -> Callable[[], AbstractContextManager[None]]:
    """A context: to compile a training takes ten times as long as its few steps."""
    return _uncompiled


@pytest.fixture(scope="module")
def not_compiled() -> Iterator[None]:
    """As `uncompiled`, until the module ends: only for all of its tests."""
    with _uncompiled():
        yield


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports with empty files for figures: to draw them takes most of their time."""

    def save_nothing(figure: object, path: Path) -> list[Path]:
        path.parent.mkdir(parents=True, exist_ok=True)
        files = [path.with_name(f"{path.name}.{form}") for form in ("png", "svg")]
        for file in files:
            file.write_bytes(b"")
        return files

    monkeypatch.setattr("sfp_keras.workflows.report.writer.save_figure", save_nothing)
