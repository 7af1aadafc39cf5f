"""What `start_backend` leaves set."""

import keras
import pytest

from sfp_keras.backend import start_backend


def test_float32_is_not_rounded_to_tensorfloat32():
    tensorflow = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("it is not the backend")
    tensorflow.config.experimental.enable_tensor_float_32_execution(True)
    start_backend()
    assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()


def test_float32_is_not_rounded_to_tensorfloat32_on_jax():
    jax = pytest.importorskip("jax")
    if keras.backend.backend() != "jax":
        pytest.skip("tests/layers/test_other_backend.py runs it on JAX")
    start_backend()
    assert jax.config.jax_default_matmul_precision == "float32"
