"""Heads trained together against heads trained one by one, from memory, disk and new images."""

import dataclasses
import gc
import weakref

import keras
import numpy as np
import pytest

from sfp_keras.data import epoch_order
from sfp_keras.errors import InputError
from sfp_keras.probing import (
    HeadVariant,
    cache_features,
    head_variants,
    train_head_variants,
    train_heads,
)
from sfp_keras.settings import HeadSettings

NAMES = ["layer1", "layer2", "layer3"]
LABELS = 4
SETTINGS = HeadSettings(
    epochs=3, schedule_epochs=3, batch_size=16, lr=0.1, momentum=0.9, l2=1e-3, decay="0.5/1",
)  # fmt: skip


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, LABELS, 70)
    pixels = rng.normal(size=(70, 8, 8, 3)) + labels[:, None, None, None] / 3
    return pixels.astype(np.float32), labels.astype(np.int64)


@pytest.fixture(scope="module")
def cut():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((8, 8, 3))
    outputs = []
    for width in (4, 6, 5):
        x = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling2D(2)(x)
        outputs.append(x)
    return keras.Model(inputs, outputs)


def one(model, index):
    return keras.Model(model.inputs, [model.outputs[index]])


def batches(images, rows, size=16):
    x, y = images
    return [(x[rows][i : i + size], y[rows][i : i + size]) for i in range(0, len(rows), size)]


TRAIN, TEST = np.arange(50), np.arange(50, 70)


def cached(cut, names, images, **arguments):
    return cache_features(
        cut, names, batches(images, TRAIN), batches(images, TEST),
        train_count=50, test_count=20, **arguments,
    )  # fmt: skip


def assert_same(ours, theirs):
    np.testing.assert_array_equal(ours.kernel, theirs.kernel)
    assert ours.position_shape == theirs.position_shape
    for a, b in zip(ours.history, theirs.history, strict=True):
        assert a == pytest.approx(b, rel=1e-6)


@pytest.fixture(scope="module")
def memory(cut, images):
    """Features in memory as float16, and the heads trained on them."""
    cache = cached(cut, NAMES, images)
    return cache, train_heads(cache, LABELS, SETTINGS)


@pytest.mark.parametrize("dtype", ["float16", pytest.param("float32", marks=pytest.mark.slow)])
def test_together_is_one_by_one(cut, images, dtype):
    together = train_heads(cached(cut, NAMES, images, dtype=dtype), LABELS, SETTINGS, seed=5)
    for index, name in enumerate(NAMES[1:], start=1):
        cache = cached(one(cut, index), [name], images, dtype=dtype)
        alone = train_heads(cache, LABELS, SETTINGS, seed=5)
        assert_same(together[name], alone[name])


def test_further_heads_of_a_stage_are_those_of_trainings_of_their_own(memory):
    cache, heads = memory
    names = NAMES[1:]  # More take longer to compile.
    cache = dataclasses.replace(
        cache,
        arrays={name: cache.arrays[name] for name in names},
        position_shapes={name: cache.position_shapes[name] for name in names},
    )
    variants = [HeadVariant(0), *head_variants(0, 2, shuffled=True)]
    assert [one.name for one in variants] == ["seed0", "seed1", "shuffled0"]
    together = train_head_variants(cache, variants, LABELS, SETTINGS)
    labels = variants[2].labels(cache.labels, cache.train_count)
    train = slice(cache.train_count)
    assert (labels[train] != cache.labels[train]).any()
    np.testing.assert_array_equal(np.sort(labels[train]), np.sort(cache.labels[train]))
    other = train_head_variants(cache, variants[1:2], LABELS, SETTINGS)[variants[1]]
    shuffled = train_heads(dataclasses.replace(cache, labels=labels), LABELS, SETTINGS)
    for name in names:
        for variant, alone in zip(variants, (heads, other, shuffled), strict=True):
            assert_same(together[variant][name], alone[name])
        assert not np.array_equal(heads[name].kernel, other[name].kernel)


def test_features_on_disk_give_the_same_heads(cut, images, memory, tmp_path):
    cache, heads = memory
    disk = cached(cut, NAMES, images, budget=0, folder=tmp_path, description="a")
    assert disk.on_disk
    assert not cache.on_disk
    for name in NAMES:
        np.testing.assert_array_equal(cache.arrays[name], disk.arrays[name])
    again = train_heads(disk, LABELS, SETTINGS)
    for name in NAMES:
        np.testing.assert_allclose(heads[name].kernel, again[name].kernel, rtol=1e-5, atol=1e-6)


def test_complete_files_are_used_again_and_others_are_not(cut, images, tmp_path):
    cached(cut, NAMES, images, budget=0, folder=tmp_path, description="a")
    file = tmp_path / "layer1.npy"
    before = file.stat().st_mtime_ns
    cached(cut, NAMES, images, budget=0, folder=tmp_path, description="a")
    assert file.stat().st_mtime_ns == before
    cached(cut, NAMES, images, budget=0, folder=tmp_path, description="b")
    assert file.stat().st_mtime_ns != before


@pytest.fixture(scope="module")
def exact(cut, images):
    """Features in memory as float32, and the heads trained on them in the order of seed 3."""
    cache = cached(cut, NAMES, images, dtype="float32")
    return cache, train_heads(cache, LABELS, SETTINGS, seed=3)


def test_new_images_without_augmentation_are_the_cached_ones(cut, images, exact, uncompiled):
    def new(first_epoch):
        epoch = first_epoch
        while True:
            yield from batches(images, epoch_order(3, epoch, 50))
            epoch += 1

    _, ours = exact
    cache = cache_features(
        cut, NAMES, [], batches(images, TEST), train_count=0, test_count=20, dtype="float32"
    )
    with uncompiled():
        theirs = train_heads(cache, LABELS, SETTINGS, seed=3, augmented=(cut, new, 4))
    for name in NAMES:
        np.testing.assert_allclose(ours[name].kernel, theirs[name].kernel, rtol=1e-4, atol=1e-5)
        assert ours[name].history[-1] == pytest.approx(theirs[name].history[-1], rel=1e-4)


def test_kept_versions_are_the_images_of_each_epoch_in_turn(cut, images, uncompiled):
    """Three epochs of two versions, against passing their images through the network anew."""
    pixels, labels = images
    versions = [pixels[TRAIN], pixels[TRAIN][:, :, ::-1] + np.float32(0.1)]

    def new(first_epoch):
        for epoch in range(first_epoch, SETTINGS.epochs):
            order = epoch_order(3, epoch, 50)
            yield from batches((versions[epoch % 2], labels[TRAIN]), order)

    def kept(train):
        return cache_features(
            *(cut, NAMES, batches(train, np.arange(100)), batches(images, TEST)),
            **{"train_count": 100, "test_count": 20, "versions": 2, "dtype": "float32"},
        )

    cache = kept((np.concatenate(versions), np.tile(labels[TRAIN], 2)))
    assert (cache.train_count, cache.image_count) == (100, 50)
    with uncompiled():
        ours = train_heads(cache, LABELS, SETTINGS, seed=3)
    empty = cache_features(
        cut, NAMES, [], batches(images, TEST), train_count=0, test_count=20, dtype="float32"
    )
    with uncompiled():
        theirs = train_heads(empty, LABELS, SETTINGS, seed=3, augmented=(cut, new, 4))
    for name in NAMES:
        np.testing.assert_allclose(ours[name].kernel, theirs[name].kernel, rtol=1e-4, atol=1e-5)
        for a, b in zip(ours[name].history, theirs[name].history, strict=True):
            assert a == pytest.approx(b, rel=1e-4)
    shuffled = HeadVariant(0, shuffled=True).labels(cache.labels, 50, 2)
    np.testing.assert_array_equal(shuffled[:50], shuffled[50:100])
    np.testing.assert_array_equal(np.sort(shuffled[:50]), np.sort(labels[TRAIN]))
    np.testing.assert_array_equal(shuffled[100:], labels[TEST])
    assert (shuffled != cache.labels).any()

    with pytest.raises(InputError, match="versions of `train` differ"):
        kept((np.concatenate(versions), np.concatenate([labels[TRAIN], labels[TRAIN][::-1]])))
    with pytest.raises(InputError, match="`versions`=3: 70 training images"):
        cache_features(cut, None, images, [], versions=3)


def test_without_training_images_nothing_is_waited_for(cut, images):
    cache = cache_features(one(cut, 0), NAMES[:1], [], batches(images, TEST), test_count=20)
    with pytest.raises(InputError, match="`cache` holds no training images"):
        train_heads(cache, LABELS, SETTINGS)


def test_curves_of_stages_that_are_called_like_validation_are_their_own(cut, images, uncompiled):
    both = keras.Model(cut.inputs[0], cut.outputs[:2])
    with uncompiled():
        called = train_heads(cached(both, ["x", "val_x"], images), LABELS, SETTINGS)
        expected = train_heads(cached(both, ["x", "y"], images), LABELS, SETTINGS)
    for quantity in ("accuracy", "loss"):
        first, last = (
            [one[quantity] for one in heads["x"].history] for heads in (called, expected)
        )
        assert first == last
    accuracies = [one["accuracy"] for one in called["val_x"].history]
    assert accuracies != [one["test_accuracy"] for one in called["x"].history]
    weighted = [(x, y, np.ones(len(y))) for x, y in batches(images, TRAIN)]
    assert cache_features(one(cut, 0), "x", weighted, []).train_count == 50


@pytest.mark.parametrize("on_disk", [False, True])
def test_features_are_let_go_when_the_heads_are_trained(cut, images, tmp_path, on_disk):
    """TensorFlow keeps what gave it batches, for as long as the process lives."""
    kept = {"budget": 0, "folder": tmp_path, "description": "a"} if on_disk else {}
    cache = cached(one(cut, 0), NAMES[:1], images, **kept)
    assert cache.on_disk == on_disk
    train_heads(cache, LABELS, SETTINGS)
    array = weakref.ref(cache.arrays["layer1"])
    del cache
    gc.collect()
    assert array() is None


def literal_head(x, y, kernel, order_of, epochs, settings):
    """Softmax regression with PyTorch's Nesterov rule, in float64."""
    w, buffer = kernel.astype(np.float64), 0.0
    for epoch in range(epochs):
        rate = settings.lr * 0.5**epoch
        order = order_of(epoch)
        for begin in range(0, len(order), settings.batch_size):
            rows = order[begin : begin + settings.batch_size]
            logits = x[rows] @ w
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(rows)), y[rows]] -= 1
            g = x[rows].T @ p / len(rows) + settings.l2 * w
            buffer = settings.momentum * buffer + g
            w = w - rate * (g + settings.momentum * buffer)
    return w


def test_the_head_is_softmax_regression_written_out(images, exact, uncompiled):
    from sfp_keras.data import epoch_order

    cache, end = exact
    with uncompiled():
        begin = train_heads(cache, LABELS, HeadSettings(epochs=1, lr=0.0, l2=0.0), seed=3)
    for name in NAMES:
        x = cache.arrays[name][:50].astype(np.float64)
        start = begin[name].kernel.reshape(x.shape[1], LABELS)
        expected = literal_head(
            x, images[1][:50], start, lambda e: epoch_order(3, e, 50), 3, SETTINGS
        )
        got = end[name].kernel.reshape(expected.shape)
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-5)
        assert np.abs(start).max() <= x.shape[1] ** -0.5


def test_a_stage_may_have_hyperparameters_of_its_own(memory):
    cache, plain = memory
    group = "layer2: lr=0.01 momentum=0.5 l2=0 decay=none"
    both = train_heads(cache, LABELS, dataclasses.replace(SETTINGS, group=(group,)))
    np.testing.assert_array_equal(both["layer1"].kernel, plain["layer1"].kernel)
    assert np.abs(both["layer2"].kernel - plain["layer2"].kernel).max() > 1e-3
    assert [row["lr"] for row in both["layer2"].history] == [0.01] * 3
    assert [row["lr"] for row in both["layer1"].history] == [0.1, 0.05, 0.025]


def test_outputs_beyond_float16_are_kept_as_float32(cut, images, uncompiled):
    scaled = keras.Model(cut.inputs, [cut.outputs[0], cut.outputs[1] * 1e6])
    cache = cached(scaled, NAMES[:2], images)
    assert cache.arrays["layer1"].dtype == np.float16
    assert cache.arrays["layer2"].dtype == np.float32
    exact = scaled.predict(images[0], verbose=0)[1].reshape(70, -1)
    np.testing.assert_allclose(cache.arrays["layer2"], exact, rtol=2e-3)
    with uncompiled():
        train_heads(cache, LABELS, HeadSettings(epochs=1, lr=1e-9))


def test_outputs_that_are_not_finite_name_the_stage(cut, images):
    broken = keras.Model(cut.inputs, [cut.outputs[0] / 0.0])
    with pytest.raises(InputError, match=r"layer1.*not finite"):
        cached(broken, ["layer1"], images)


def test_features_that_fit_nowhere_name_the_mend(cut, images, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="`pool`"):
        cached(cut, NAMES, images, budget=0)
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 10))
    with pytest.raises(InputError, match=r"layer1, 64 numbers an image.*`pool`"):
        cached(cut, NAMES, images, budget=0, folder=tmp_path)


def test_stages_may_be_called_what_tensorflow_calls_no_scope(cut, images):
    names = ["conv#1", "größe 2", "a>_b"]
    plain = dataclasses.replace(SETTINGS, epochs=2)
    settings = dataclasses.replace(plain, group=["conv#1: lr=0.01"])
    together = train_heads(cached(cut, names, images), LABELS, settings)
    alone = train_heads(cached(one(cut, 1), names[1:2], images), LABELS, plain)
    np.testing.assert_allclose(together[names[1]].kernel, alone[names[1]].kernel, atol=1e-5)
    for head in together.values():
        assert all(np.isfinite(list(row.values())).all() for row in head.history)
    assert [together[name].history[0]["lr"] for name in names] == [0.01, 0.1, 0.1]
