"""StageMonitor: heads trained again and again on the stages of a network in training."""

import random

import keras
import numpy as np
import pytest
from read_events import blobs

from sfp_keras import (
    StageMonitor,
    cache_features,
    cut_stages,
    measure_fields,
    read_log,
    train_heads,
)
from sfp_keras.errors import InputError
from sfp_keras.layers import AttentionHeads
from sfp_keras.monitoring import schema
from sfp_keras.settings import HeadSettings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 9, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 40)
TRAIN, TEST = (X[:24], Y[:24]), (X[24:], Y[24:])
STAGES = ["heads", "hidden"]
SETTINGS = {"stages": STAGES, "pool": "sequence", "every": [0, 5], "head_epochs": 3, "seed": 5}


def network():
    """Attention heads, which no linear layer reads, and dropout that draws at every step."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((9, 4))
    x = AttentionHeads(2, 3, name="heads")(inputs)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(7, "gelu", name="hidden")(x)
    x = keras.layers.LayerNormalization()(keras.layers.GlobalAveragePooling1D()(x))
    net = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    net.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return net


def fitted(*callbacks):
    """Trained for an epoch, then from there on until it is stopped after the third."""
    net = network()
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(net, "stop_training", epoch == 2)
    )
    for begin, end in ((0, 1), (1, 6)):
        net.fit(
            *TRAIN,
            **{"batch_size": 8, "initial_epoch": begin, "epochs": end, "verbose": 0},
            callbacks=[stop, *callbacks],
        )
    drawn = random.random(), np.random.random()  # noqa: NPY002 - what else would draw from it
    return net, drawn


@pytest.fixture(scope="module")
def trained(tmp_path_factory, uncompiled):
    folder = tmp_path_factory.mktemp("stages")
    with uncompiled():
        return folder, *fitted(StageMonitor(folder, TRAIN, TEST, **SETTINGS))


def test_the_log_holds_what_heads_of_the_network_at_each_step_give(trained, uncompiled):
    folder, net, _ = trained
    # Epoch 2 takes the place of epoch 5, which never came.
    log, written = read_log(folder).stages, blobs(folder)
    assert {stage: [*steps] for stage, steps in log.items()} == {one: [0, 2] for one in STAGES}
    cut = cut_stages(net, STAGES, "sequence")
    with uncompiled():
        cache = cache_features(cut, None, TRAIN, [], test_count=0)
        by_hand = measure_fields(cut, train_heads(cache, 3, HeadSettings(epochs=3), seed=5), TEST)
    for stage, heads in zip(STAGES, (2, None), strict=True):
        header = schema.decode_header(written[schema.factors_tag(stage, 2)][0])
        assert (header.kind, header.split, header.heads) == ("node", "test", heads)
        assert header.accuracy == by_hand[stage].accuracy
        np.testing.assert_array_equal(log[stage][2].features, by_hand[stage].fields.features)
        np.testing.assert_array_equal(log[stage][2].kernel, by_hand[stage].fields.kernel)
        assert not np.array_equal(log[stage][0].features, log[stage][2].features)


def test_the_training_is_the_same_without_it(trained, uncompiled):
    _, *monitored = trained
    with uncompiled():
        check_same(monitored, fitted())


@pytest.mark.slow
def test_a_compiled_training_is_the_same_without_it(tmp_path):
    check_same(fitted(StageMonitor(tmp_path, TRAIN, TEST, **SETTINGS)), fitted())


def check_same(monitored, without):
    (net, drawn), (plain, drawn_without) = monitored, without
    kept, given = ([*one.variables, *one.optimizer.variables] for one in (net, plain))
    for mine, theirs in zip(kept, given, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (mine, theirs)))
    assert drawn == drawn_without


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"stages": "hiden"}, "`stages`: no layer is called 'hiden'"),
        ({"every": 0}, "`every` must be a whole number from 1, not 0"),
        ({"every": 2.5}, "`every` must be a number of epochs, or the epochs"),
        ({"every": {0, 5}}, "`every` must be a number of epochs, or the epochs"),
        ({"max_mb": -1}, "`max_mb` must be a number of at least 0"),
        ({"every": [1, -2]}, "`every` must be a number of epochs, or the epochs"),
        ({"head_epochs": 0}, "`head_epochs` must be a whole number from 1, not 0"),
        ({"class_names": ["a"]}, "`class_names` has 1 names"),
        ({"budget": 1000, "pool": None}, "more than `budget` allows: train heads on fewer"),
        ({"train": (X[:9], Y[:9] + 1)}, "`train`: labels run from 1 to 3"),
        ({"test": (X[:9, :5], Y[:9])}, "`test`: images of shape"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_the_first_epoch(
    tmp_path, more, match, uncompiled
):
    given = {"train": TRAIN, "test": TEST, "stages": STAGES, **more}
    with uncompiled(), pytest.raises(InputError, match=match):
        network().fit(*TRAIN, verbose=0, callbacks=[StageMonitor(tmp_path, **given)])
    assert not any(tmp_path.iterdir())


def test_a_subclassed_network_is_told_what_to_do(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(3, "softmax")

        def call(self, x):
            return self.last(keras.ops.mean(x, axis=1))

    net = Own()
    net.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match=r"\(Own\) is subclassed, so its layers cannot be reached"):
        net.fit(*TRAIN, verbose=0, callbacks=[StageMonitor(tmp_path, train=TRAIN, test=TEST)])


def test_epochs_may_be_numpy_s(tmp_path, uncompiled):
    given = {"train": TRAIN, "test": TEST, "stages": STAGES, "threshold": np.float32(0.25)}
    every = list(np.arange(0, 3, 2))
    monitor = StageMonitor(tmp_path, every=every, max_mb=np.inf, **given)
    with uncompiled():
        network().fit(*TRAIN, epochs=3, verbose=0, callbacks=[monitor])
    assert [[*steps] for steps in read_log(tmp_path).stages.values()] == [[0, 2], [0, 2]]


def test_epochs_that_are_not_trained_are_said(tmp_path, caplog, uncompiled):
    monitor = StageMonitor(tmp_path, train=TRAIN, test=TEST, stages=STAGES, every=[7, 9])
    with uncompiled():
        network().fit(*TRAIN, verbose=0, callbacks=[monitor])
    assert "`every`=[7, 9]: no filter is measured, for the last epoch is 0" in caplog.text
