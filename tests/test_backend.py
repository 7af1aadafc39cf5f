"""What `start_backend` leaves set, and what it does not import."""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sfp_keras.backend import choose_backend, start_backend

# Most tests need it in another process, and to import it takes a second.
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


def test_float32_is_not_rounded_to_tensorfloat32():
    tensorflow = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("it is not the backend")
    tensorflow.config.experimental.enable_tensor_float_32_execution(True)
    start_backend()
    assert not tensorflow.config.experimental.tensor_float_32_execution_enabled()


def test_float32_is_not_rounded_to_tensorfloat32_on_jax():
    if keras.backend.backend() != "jax":
        pytest.skip("tests/layers/test_other_backend.py runs it on JAX")
    import jax

    start_backend()
    assert jax.config.jax_default_matmul_precision == "float32"


@needs_jax
def test_packages_that_only_wrappers_and_conversions_need_are_not_imported(tmp_path: Path):
    pytest.importorskip("tensorflow")
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "tensorflow"}))
    script = """
import gc, platform, sys, weakref
from sfp_keras.backend import start_backend
start_backend()
assert "tensorflow" in sys.modules
assert not {"sklearn", "jax"} & set(sys.modules)
frozen = gc.get_freeze_count()
assert frozen > 100_000 and gc.isenabled()
class Cycle: pass
one = Cycle()
one.itself, alive = one, weakref.ref(one)
del one
gc.collect()
assert alive() is None
start_backend()
assert gc.get_freeze_count() == frozen  # What is made later is collected.
if (sys.platform, platform.machine()) == ("linux", "x86_64"):
    from tensorflow.python.util import _pywrap_util_port
    assert _pywrap_util_port.IsMklEnabled()  # On processors of any age.
import jax.numpy, sklearn.base  # Whoever needs them later has them.
"""
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    for name in ("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def test_another_backend_than_that_keras_runs_on_is_refused(monkeypatch: pytest.MonkeyPatch):
    here = keras.backend.backend()
    monkeypatch.setenv("KERAS_BACKEND", here)
    with pytest.raises(ValueError, match=f"started before, on {here}; ask for {here}, or"):
        start_backend("jax" if here == "tensorflow" else "tensorflow")
    assert os.environ["KERAS_BACKEND"] == here  # Which processes that are started from here take.


@needs_jax
def test_the_backend_is_chosen_before_the_code_of_a_network_is_read(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "import keras\n\n"
        "def network(num_labels, input_shape):\n"
        "    print('backend:', keras.backend.backend())\n"
        "    image = keras.Input(input_shape)\n"
        "    x = keras.layers.Conv2D(2, 3, activation='relu', name='conv')(image)\n"
        "    x = keras.layers.GlobalAveragePooling2D()(x)\n"
        "    return keras.Model(image, keras.layers.Dense(num_labels)(x))\n"
    )
    main = Path(__file__).parents[1] / "main.py"
    images, labels = np.zeros((4, 8, 8, 3), np.uint8), [0, 1, 0, 1]
    data = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "images.npz", **data)
    flags = ["--dataset=arrays", "--data_dir=images.npz", "--model=mine:network", "--train"]
    set_by_tests = ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL")
    environment = {k: v for k, v in os.environ.items() if k not in set_by_tests}
    environment["KERAS_HOME"] = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, str(main), *flags, "--list_stages", "--backend=jax"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "backend: jax" in done.stdout
    assert not done.stderr


@pytest.mark.parametrize(("given", "kept"), [(None, "1"), ("0", "0")])
def test_convolutions_are_onednns_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str | None, kept: str
):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given or "")
    if given is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    choose_backend(None)
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == kept
