"""Several devices give the numbers of one, and a training goes on with any number of them."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sfp_keras.distribution import current_devices, distributed, start_processes
from sfp_keras.errors import InputError

HERE = Path(__file__).parent
THREE = "--xla_force_host_platform_device_count=3"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_three_devices_train_as_one(backend: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    more = {"KERAS_BACKEND": backend}
    if backend == "jax":
        # The same few functions are compiled for every training.
        more |= {"XLA_FLAGS": THREE, "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
        more |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", str(HERE / "three_devices.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "TF_CPP_MIN_LOG_LEVEL": "3", **more},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_one_device_is_left_alone() -> None:
    with distributed("data_parallel") as devices:
        assert devices.count == len(keras.distribution.list_devices("cpu")) == 1
        assert current_devices() is devices
    assert current_devices() is not devices


@pytest.mark.parametrize(
    ("backend", "label", "weight"),
    [("jax", np.int32, np.float32), ("tensorflow", np.int64, np.float64)],
)
def test_batches_come_in_the_width_of_the_backend(
    monkeypatch: pytest.MonkeyPatch, backend: str, label: type, weight: type
) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    images = np.arange(12, dtype=np.uint8).reshape(3, 4)
    given = ({"row": images}, {"a": np.array([0, 2, 1])}, np.array([0.5, 1, 2]))
    ((inputs, labels, weights),) = current_devices().source(lambda: iter([given]))
    assert inputs["row"] is images
    assert (labels["a"].dtype, weights.dtype) == (label, weight)
    np.testing.assert_array_equal(labels["a"], [0, 2, 1])
    np.testing.assert_array_equal(weights, [0.5, 1, 2])


def test_processes_need_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    start_processes(0)
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    if keras.backend.backend() != "jax":
        with pytest.raises(InputError, match="`backend`=jax"):
            start_processes(0)
