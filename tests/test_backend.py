"""What `start_backend` leaves set."""

import os
import subprocess
import sys

import pytest

from sfp_keras.backend import start_backend


def test_float32_is_not_rounded_to_tensorfloat32():
    tensorflow = pytest.importorskip("tensorflow")
    tensorflow.config.experimental.enable_tensor_float_32_execution(True)
    start_backend()
    assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()


def test_float32_is_not_rounded_to_tensorfloat32_on_jax():
    pytest.importorskip("jax")
    code = (
        "from sfp_keras.backend import start_backend; start_backend('jax'); "
        "import jax; print(jax.config.jax_default_matmul_precision)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.splitlines()[-1] == "float32"
