"""Resuming, schedules and the stop on NaN of `fit_with_resume`."""

import gc
import io
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from rich.console import Console
from watched_batches import WatchedBatches

from sfp_keras import SGD
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.settings import TrainingSettings
from sfp_keras.training import (
    ParameterGroup,
    Progress,
    TrainingData,
    fit_with_resume,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)).astype(np.float32), RNG.integers(0, 3, 60)


def model(activation="relu"):
    keras.utils.set_random_seed(1)
    net = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation, name="layer1_conv"),
            keras.layers.BatchNormalization(),
            # Its seed state must be restored too.
            keras.layers.Dropout(0.3, seed=3),
            keras.layers.Dense(3, name="output"),
        ]
    )
    optimizer = SGD(0.1, 0.9, 1e-3, groups=[ParameterGroup("fc", "(^|/)output/", 0.02)])
    net.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    optimizer.build(net.trainable_variables)
    return net


def batches(first_epoch):
    epoch = first_epoch
    while True:
        order = np.random.default_rng([7, epoch]).permutation(len(X))
        for begin in range(0, len(X), 25):
            rows = order[begin : begin + 25]
            yield X[rows], Y[rows]
        epoch += 1


def test_nothing_of_a_training_stays():
    """TensorFlow keeps what it was given to call, and Keras would give it batches too."""

    watched = WatchedBatches()

    def test():
        return watched((X[begin : begin + 20], Y[begin : begin + 20]) for begin in (0, 20, 40))

    for _ in range(2):
        data = TrainingData(lambda epoch: watched(batches(epoch)), 3, test, 3)
        fit_with_resume(model(), data, TrainingSettings(epochs=2, schedule_epochs=2))
    gc.collect()
    assert len(watched.made) >= 24
    assert watched.alive == 0


def test_a_training_without_batches_is_refused():
    with pytest.raises(InputError, match="`batches` gives none"):
        fit_with_resume(model(), TrainingData(lambda epoch: iter(()), 3), TrainingSettings())


def fit(net, path, epochs=6, **arguments):
    return fit_with_resume(
        net,
        TrainingData(batches, 3, lambda: iter([(X[:40], Y[:40]), (X[40:], Y[40:])]), 2),
        TrainingSettings(epochs, schedule_epochs=None, lr=0.1, decay="0.5/2"),
        TrainingCheckpoint(path, "a", every_seconds=0),
        **arguments,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing stopped: its checkpoint, history and weights."""
    path = tmp_path_factory.mktemp("whole") / "whole.npz"
    net = model()
    history = fit(net, path)
    return SimpleNamespace(
        path=path, history=history, weights=[variable.numpy() for variable in net.variables]
    )


class Stop(keras.callbacks.Callback):
    def __init__(self, epoch, batch):
        super().__init__()
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "at", [(3, 0), *(pytest.param(at, marks=pytest.mark.slow) for at in [(0, 1), (5, 2)])]
)
def test_stopped_and_started_again_it_ends_bit_equal(tmp_path, at, whole):
    with pytest.raises(KeyboardInterrupt):
        fit(model(), tmp_path / "part.npz", callbacks=[Stop(*at)])
    again = model()
    assert fit(again, tmp_path / "part.npz") == whole.history
    for ours, theirs in zip(again.variables, whole.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    assert [row["epoch"] for row in whole.history] == list(range(6))
    assert [row["lr"] for row in whole.history] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_a_terminal_gets_its_cursor_back_when_a_training_is_stopped(tmp_path):
    text = io.StringIO()
    progress = Progress("training", Console(file=text, force_terminal=True))
    with pytest.raises(KeyboardInterrupt):
        fit(model(), tmp_path / "c.npz", callbacks=[Stop(1, 1)], progress=progress)
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert text.getvalue().count(hidden) == 1
    assert text.getvalue().rindex(shown) > text.getvalue().index(hidden)


def test_a_finished_training_is_not_repeated(tmp_path, whole):
    shutil.copy(whole.path, tmp_path / "c.npz")
    assert fit(model(), tmp_path / "c.npz") == whole.history


def test_another_training_s_checkpoint_is_refused(tmp_path, whole):
    shutil.copy(whole.path, tmp_path / "c.npz")
    with pytest.raises(InputError, match="another training"):
        fit_with_resume(
            model(),
            TrainingData(batches, 3),
            TrainingSettings(epochs=2),
            TrainingCheckpoint(tmp_path / "c.npz", "b"),
        )


@pytest.mark.parametrize(
    "changed", [{"v0": lambda x: x + 1j}, {"history": lambda x: np.array("[[]]")}]
)
def test_a_checkpoint_that_cannot_be_is_refused(changed, tmp_path, whole):
    with np.load(whole.path) as arrays:
        saved = dict(arrays)
    saved |= {name: change(saved[name]) for name, change in changed.items()}
    np.savez(tmp_path / "c.npz", **saved)
    with pytest.raises(InputError, match=r"c\.npz is damaged \(.*start over"):
        fit(model(), tmp_path / "c.npz")


def test_nan_stops_with_the_mend_and_keeps_the_finished_epochs(tmp_path):
    fit(model(), tmp_path / "c.npz", epochs=2)
    before = (tmp_path / "c.npz").read_bytes()
    # ReLU makes zero of NaN, or leaves it, as the processor has it: this one makes zero.
    poisoned = model(lambda x: keras.ops.where(x > 0, x, 0.0))

    def nan_batches(first_epoch):
        for x, y in batches(first_epoch):
            yield x * np.float32(np.nan), y

    with pytest.raises(
        InputError, match=r"layer1_conv/kernel is not finite.* epoch 2.*`lr`.*c\.npz"
    ):
        fit_with_resume(
            poisoned,
            TrainingData(nan_batches, 3),
            TrainingSettings(epochs=4, lr=0.1),
            TrainingCheckpoint(tmp_path / "c.npz", "a", every_seconds=0),
        )
    assert (tmp_path / "c.npz").read_bytes() == before


def test_a_loss_that_overflows_is_named(tmp_path):
    net = model()
    with pytest.raises(
        InputError, match=r"loss is not finite .nan. in epoch 0.*`scaling` of images$"
    ):
        fit_with_resume(
            net,
            TrainingData(lambda first: ((x * np.float32(1e30), y) for x, y in batches(first)), 3),
            TrainingSettings(epochs=1, lr=1e30),
            TrainingCheckpoint(tmp_path / "c.npz"),
        )
    assert not (tmp_path / "c.npz").exists()


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    sys.path.insert(0, {folder!r})
    import keras
    import test_fit

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                os.kill(os.getpid(), signal.SIGKILL)

    test_fit.fit(test_fit.model(), {path!r}, callbacks=[Kill()])
    """
)


@pytest.mark.slow
def test_killed_by_the_system_it_ends_bit_equal(tmp_path, whole):
    path = str(tmp_path / "part.npz")
    script = KILLED.format(folder=os.path.dirname(__file__), path=path)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    again = model()
    fit(again, path)
    for ours, theirs in zip(again.variables, whole.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_every_epoch_is_tested_on_each_image_once(tmp_path):
    net = model()
    history = fit_with_resume(
        net,
        TrainingData(
            batches,
            3,
            validation=lambda: ((X[i : i + 7], Y[i : i + 7]) for i in range(0, len(X), 7)),
            validation_steps=9,
        ),
        TrainingSettings(epochs=5, lr=0.0, decay="1/1"),
        TrainingCheckpoint(tmp_path / "c", "a"),
        callbacks=[_Recount(seen := [])],
    )
    assert [row["val_accuracy"] for row in history] == pytest.approx(seen)
    assert len(history) == len(seen) == 5


class _Recount(keras.callbacks.Callback):
    """The accuracy counted by hand from the network's outputs."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def on_epoch_end(self, epoch, logs=None):
        outputs = keras.ops.convert_to_numpy(self.model(X, training=False))
        self.seen.append(float((outputs.argmax(-1) == Y).mean()))
