"""Several devices give the numbers of one, and a training goes on with any number of them."""

import os
import subprocess
import sys
from pathlib import Path

import keras
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


def test_processes_need_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    start_processes(0)
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    if keras.backend.backend() != "jax":
        with pytest.raises(InputError, match="`backend`=jax"):
            start_processes(0)
