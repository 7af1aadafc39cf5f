"""A function that makes other weights at every call: all results are of one network."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from run_files import contents

# An untrained network; `wrap` goes around its second convolution.
NETWORK = """
import os

import keras
from keras import layers


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


class Secret(Doubled):
    def get_config(self):
        raise NotImplementedError("Secret cannot be written down")


def build(wrap=None):
    seed = os.environ.get("SFP_TEST_SEED")
    start = keras.initializers.GlorotUniform(seed=seed and int(seed))
    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv1", kernel_initializer=start)(inputs)
    x = layers.MaxPooling2D(4)(x)
    x = layers.Conv2D(6, 3, activation="relu", name="conv2", kernel_initializer=start)(x)
    x = wrap(name="wrapped")(x) if wrap else x
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(3, kernel_initializer=start)(x))


def fresh():
    return build()


def unknown():
    return build(Doubled)


def secret():
    return build(Secret)
"""


@pytest.fixture
def run(probe: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Probe conv1 of the network one of these functions makes, in one run directory."""
    name = f"networks_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))

    def command(function: str, *flags: str, **more: int) -> str:
        return probe(
            *("--stages=conv1", "--run_dir=run", "--head_epochs=1", "--nomonitor", *flags),
            model=f"{name}:{function}",
            **more,
        )

    return command


def test_fresh_weights_do_not_mix_with_kept_results(run: Callable, tmp_path: Path) -> None:
    first = run("fresh")
    before = contents(tmp_path / "run")
    again = run("fresh", "--overwrite=analysis")
    assert "makes other weights now" not in first
    assert "makes other weights now" in again
    after = contents(tmp_path / "run")
    for name in ("model.keras", "layers.csv", "stages/conv1/test/fields.npz"):
        assert after[name] == before[name], name

    # More images and another stage are of the kept network too: the same accuracy, once more.
    run("fresh", "--split=test,train", "--stages=conv2,conv1")
    assert contents(tmp_path / "run")["model.keras"] == before["model.keras"]
    fields = np.load(tmp_path / "run/stages/conv1/train/fields.npz")["features"]
    run("fresh", "--split=train", "--overwrite=analysis")
    np.testing.assert_array_equal(
        np.load(tmp_path / "run/stages/conv1/train/fields.npz")["features"], fields
    )
    (accuracy,) = re.findall(r"network: test accuracy ([\d.]+)", first)
    assert f"network: test accuracy {accuracy}" in again

    # Another network on purpose.
    run("fresh", "--overwrite=train")
    assert contents(tmp_path / "run")["model.keras"] != before["model.keras"]


@pytest.mark.parametrize("function", ["unknown", "secret"])
def test_a_network_that_cannot_be_kept_must_stay_the_same(
    function: str, run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFP_TEST_SEED", "1")
    text = run(function)
    assert ("model.keras is left out: Secret" in text) == (function == "secret")
    before = contents(tmp_path / "run")
    run(function, "--split=train")
    monkeypatch.setenv("SFP_TEST_SEED", "2")
    error = run(function, "--overwrite=analysis", code=2)
    assert len(error.splitlines()) == 1
    assert "holds results of other weights" in error
    assert "--run_dir" in error
    assert "--overwrite=all" in error
    fields = "stages/conv1/test/fields.npz"
    monkeypatch.setenv("SFP_TEST_SEED", "1")
    run(function, "--overwrite=analysis")
    assert contents(tmp_path / "run")[fields] == before[fields]
