"""Tests of the layers and of the backend once more on JAX, and on two devices of each backend."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

# Not imported here: every process that collects this would wait for it.
if importlib.util.find_spec("jax") is None:
    pytest.skip("JAX is not installed", allow_module_level=True)
HERE = Path(__file__).parent
WITHOUT_TENSORFLOW = str(HERE.parent / "without_tensorflow")
TWO_DEVICES = """
import keras, numpy as np
keras.utils.set_random_seed(0)
from sfp_keras import MaskedConv2D, MaskedDense, MaskedDepthwiseConv2D, MaskedEinsumDense

def mask(*shape):
    kept = np.random.default_rng(0).random(shape) < 0.4
    kept[0] = True
    return kept

def train():
    masked = [
        MaskedConv2D(8, 3, mask=mask(3, 8)),
        MaskedDepthwiseConv2D(2, mask=mask(8)),
        MaskedEinsumDense("bhwc,cd->bhwd", (3, 3, 6), mask=mask(8, 6)),
        MaskedDense(5, mask(54, 5)),
    ]
    net = keras.Sequential([keras.Input((6, 6, 3)), *masked[:3], keras.layers.Flatten(), masked[3]])
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 6, 6, 3)).astype("float32"), rng.integers(0, 5, 64).astype("int32")
    net.fit(x, y, batch_size=16, epochs=3, verbose=0)
    for layer in masked:
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        assert not kernel[~layer.mask].any() and (kernel[layer.mask] != 0).all()
"""
MIRRORED = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    train()
"""
DATA_PARALLEL = """
assert len(keras.distribution.list_devices()) == 2
keras.distribution.set_distribution(keras.distribution.DataParallel())
train()
"""


def run(arguments: list[str], **more: str) -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **more}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=HERE.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_masked_layer_on_jax() -> None:
    # Of the optimisers and shapes one each; the others follow in the next test.
    slow = ("(everything and not AdamW-float32)", "SGD", "compiling", "shape1", "shape2")
    # A process of its own on JAX already.
    slow += ("backend_is_chosen",)
    masked = [HERE / "test_masked_dense.py", HERE / "test_mask_constraint.py"]
    # Keras would import TensorFlow to save a network, which takes as long as the tests.
    on_jax(
        [HERE.parent / "test_backend.py", *masked],
        ["-k", f"not ({' or '.join(slow)})"],
        PYTHONPATH=os.pathsep.join([WITHOUT_TENSORFLOW, os.environ.get("PYTHONPATH", "")]),
    )


@pytest.mark.slow
def test_the_masked_layer_on_jax_with_every_optimizer() -> None:
    on_jax([HERE / "test_masked_dense.py", HERE / "test_mask_constraint.py"])


@pytest.mark.slow
def test_every_masked_layer_on_jax() -> None:
    on_jax([HERE / "test_masked_layers.py", HERE.parent / "afcc" / "test_mask_layers.py"])


@pytest.mark.slow
def test_every_masked_layer_on_jax_for_a_thousand_steps() -> None:
    on_jax([HERE / "test_masked_layers.py"], ["-m", "slow", "-k", "thousand"])


@pytest.mark.slow
def test_the_compact_layer_on_jax() -> None:
    on_jax([HERE / "test_compact_dense.py"])


@pytest.mark.slow
def test_layers_of_transformers_and_trees_on_jax() -> None:
    names = ("layers/test_transformer_layers.py", "layers/test_tree_sampling.py")
    on_jax([HERE.parent / name for name in (*names, "training/test_zero_gradients.py")])


@pytest.mark.slow
def test_compact_heads_and_pruned_networks_on_jax() -> None:
    # Each operation is compiled there, which is slow: one pruned network is enough.
    slow = (
        *("random_networks", "our_networks", "from_clusters", "stages_that", "wrong_filters"),
        *("masked_by_labels", "needs_all", "called_twice", "padding_changes"),
    )
    fewer = ["-k", " and ".join(f"not {name}" for name in slow)]
    names = ("test_compact.py", "test_pruning.py", "test_dead_filters.py")
    on_jax([HERE.parent / "afcc" / name for name in names], fewer)


def on_jax(files: list[Path], more: Sequence[str] = (), **environment: str) -> None:
    command = ["-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", "not slow", *more]
    # Compiling, not running, takes the time.
    run(
        [*command, *map(str, files)],
        KERAS_BACKEND="jax",
        XLA_FLAGS="--xla_backend_optimization_level=0",
        **environment,
    )


@pytest.mark.slow
def test_mirrored_strategy() -> None:
    pytest.importorskip("tensorflow")
    run(["-c", TWO_DEVICES + MIRRORED], KERAS_BACKEND="tensorflow")


@pytest.mark.slow
def test_data_parallel() -> None:
    flags = "--xla_force_host_platform_device_count=2"
    run(["-c", TWO_DEVICES + DATA_PARALLEL], KERAS_BACKEND="jax", XLA_FLAGS=flags)
