"""What `start_backend` leaves set."""

import os
import subprocess
import sys

import pytest

ASK = {
    "tensorflow": "import tensorflow as b; "
    "print(not b.config.experimental.tensor_float_32_execution_enabled())",
    "jax": "import jax as b; print(b.config.jax_default_matmul_precision == 'float32')",
}


@pytest.mark.parametrize("backend", ASK)
def test_float32_is_not_rounded_to_tensorfloat32(backend):
    code = (
        f"from sfp_keras.backend import start_backend; start_backend({backend!r}); {ASK[backend]}"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.splitlines()[-1] == "True"
