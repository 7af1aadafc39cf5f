"""FilterMonitor from the first batch to the end of a training that fails, stops or begins again."""

import logging

import keras
import numpy as np
import pytest
from read_events import blobs, scalars
from test_filter_monitor import X, Y, network, read

from sfp_keras import FilterMonitor
from sfp_keras.errors import InputError
from sfp_keras.monitoring import HeadsMonitor, schema
from sfp_keras.probing import FeatureCache, HeadSettings, StageView, train_heads


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch >= self.epoch


def factors(folder):
    return sorted(tag for tag in blobs(folder) if tag != "about")


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, Y + 1, r"run from 1 to 3.*3 outputs.*0 to 2"),
        (X, np.where(np.arange(50) < 49, Y, -1), "label -1; labels are counted from 0"),
        ([(X, Y + 1)], None, r"run from 1 to 3"),
        (X[:, :4], Y, r"shape \(4, 6, 1\).*'mine'.*takes \(6, 6, 1\)"),
        ([], None, "no batch"),
        ([X], None, r"`x` gives an array \(50, 6, 6, 1\), not batches \(images, labels\)"),
        ([(X, Y[:9])], None, "50 images and 9 labels"),
        ([3], None, "batches"),
    ],
    ids=["above", "below", "in a batch", "shape", "none", "no labels", "fewer labels", "no pair"],
)
def test_images_that_do_not_fit_are_told_before_the_first_epoch(x, y, words, tmp_path):
    seen = []
    begun = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    with pytest.raises(InputError, match=words) as error:
        network().fit(X, Y, epochs=100, verbose=0, callbacks=[begun, FilterMonitor(tmp_path, x, y)])
    assert "\n" not in str(error.value)
    assert not seen
    assert not list(tmp_path.iterdir())


def test_a_measurement_that_fails_later_is_said_once_and_the_training_goes_on(tmp_path, caplog):
    passes = []

    def images():
        passes.append(1)
        if len(passes) > 4:
            raise OSError("the disk is gone")
        yield X, Y

    monitor = FilterMonitor(tmp_path, images, every=1)
    with caplog.at_level(logging.WARNING):
        history = network().fit(X, Y, epochs=8, verbose=0, callbacks=[monitor])
    assert history.epoch == list(range(8))
    (record,) = caplog.records
    assert "measures no more; the training goes on: the disk is gone" in record.getMessage()
    assert 0 < len(factors(tmp_path)) < 8


@pytest.mark.parametrize("max_mb", [50, 0])
def test_a_training_that_stops_early_is_measured_at_its_end(max_mb, tmp_path):
    net = network()
    monitor = FilterMonitor(tmp_path, X, Y, max_mb=max_mb)
    net.fit(X, Y, epochs=60, verbose=0, callbacks=[StopAfter(1), monitor])
    assert list(scalars(tmp_path)["pool/noise"]) == [1]
    assert factors(tmp_path) == (["pool/factors/1"] if max_mb else ["pool/header"])
    if max_mb:
        _, fields = read(tmp_path, 1)
        head = [keras.ops.convert_to_numpy(net.get_layer(n).kernel) for n in ("hidden", "scores")]
        np.testing.assert_allclose(fields.kernel.reshape(20, 3), head[0] @ head[1], atol=1e-6)


def test_the_last_epoch_is_measured_once(tmp_path):
    monitor = FilterMonitor(tmp_path, X, Y, every=2)
    network().fit(X, Y, epochs=3, verbose=0, callbacks=[monitor])
    assert factors(tmp_path) == ["pool/factors/0", "pool/factors/2"]


def train_two_heads(folder, epochs, *callbacks, **arguments):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 3
    arrays = {name: rng.random((40, n)).astype(np.float32) for name, n in (("a", 8), ("b", 4))}
    cache = FeatureCache(arrays, labels, 30, {"a": (2,), "b": ()})
    monitor = HeadsMonitor(folder, cache, ("x", "y", "z"), {"a": 0, "b": 1}, **arguments)
    train_heads(cache, 3, HeadSettings(epochs=epochs), callbacks=[*callbacks, monitor])


def test_heads_that_stop_early_are_measured_at_their_end(tmp_path):
    train_two_heads(tmp_path, 60, StopAfter(0))
    assert factors(tmp_path) == [
        *("a/factors/0", "a/features", "a/header"),
        *("b/factors/0", "b/features", "b/header"),
    ]


def test_what_a_pooling_makes_while_it_is_trained_is_measured(tmp_path):
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(30, 12)).astype(np.float32), np.arange(30) % 3
    view = StageView("tokens", (4, 3), "sequence")
    cache = FeatureCache({"tokens": rows}, y, 20, {"tokens": (4,)}, views={"tokens": view})
    monitor = HeadsMonitor(
        tmp_path, cache, ("a", "b", "c"), {"tokens": 0}, every=1, kinds={"tokens": "node"}
    )
    settings = HeadSettings(epochs=2, batch_size=10, lr=0.1)
    head = train_heads(cache, 3, settings, callbacks=[monitor])["tokens"]
    assert factors(tmp_path) == ["tokens/factors/0", "tokens/factors/1", "tokens/header"]
    header, kernel, features = blobs(tmp_path)["tokens/factors/1"]
    read_back = schema.decode_header(header)
    assert (read_back.kind, read_back.position_shape) == ("node", ())
    fields = schema.decode_fields(read_back, kernel, features)
    np.testing.assert_array_equal(fields.kernel, head.kernel)
    tokens = rows[20:].reshape(10, 4, 3)
    weights = np.exp(tokens @ head.pooling["kernel"])
    pooled = (tokens * weights / weights.sum(1, keepdims=True)).sum(1)
    expected = [pooled[y[20:] == label].mean(0) for label in range(3)]
    np.testing.assert_allclose(fields.features[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_the_log_says_what_stages_are_whose_factors_do_not_fit(tmp_path):
    train_two_heads(tmp_path, 2, max_mb=0)
    assert factors(tmp_path) == ["a/header", "b/header"]
    header = schema.decode_header(blobs(tmp_path)["a/header"][0])
    assert (header.stage, header.depth, header.filters) == ("a", 0, 4)
    assert (header.position_shape, header.label_counts) == ((2,), (4, 3, 3))
    assert header.first_step == 0
    assert set(scalars(tmp_path)["b/noise"]) == {0, 1}


def test_the_log_says_where_a_training_began(tmp_path):
    net = network()
    for begin, end in ((0, 2), (2, 3)):
        monitor = FilterMonitor(tmp_path, X, Y, every=1)
        net.fit(X, Y, initial_epoch=begin, epochs=end, verbose=0, callbacks=[monitor])
        assert schema.decode_about(blobs(tmp_path)["about"][0]).first_step == begin


def test_a_sequential_model_without_an_input_layer_is_measured(tmp_path):
    keras.utils.set_random_seed(3)
    net = keras.Sequential(
        [
            keras.layers.Conv2D(5, 3, activation="relu", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    net.compile("sgd", "sparse_categorical_crossentropy")
    net.fit(X, Y, epochs=2, verbose=0, callbacks=[FilterMonitor(tmp_path, X, Y)])
    assert factors(tmp_path) == ["norm/factors/0", "norm/factors/1"]
    # The weights measured are those trained.
    _, kernel, _ = blobs(tmp_path)["norm/factors/1"]
    dense = keras.ops.convert_to_numpy(net.layers[-1].kernel)
    pooled = np.frombuffer(kernel, np.float32).reshape(-1, 5, 3).sum(0)
    np.testing.assert_allclose(pooled, dense, rtol=1e-5)
    assert net.predict(X[:7], verbose=0).shape == (7, 3)


def test_images_too_small_for_a_sequential_model_are_told(tmp_path):
    net = keras.Sequential(
        [keras.layers.Conv2D(5, 3), keras.layers.Flatten(), keras.layers.Dense(3)], name="mine"
    )
    net.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match=r"\(2, 2, 1\) cannot be run through model 'mine'"):
        net.fit(X, Y, verbose=0, callbacks=[FilterMonitor(tmp_path, X[:, :2, :2], Y)])
