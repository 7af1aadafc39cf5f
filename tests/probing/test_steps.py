"""Each step takes what the one before it returned, and says what is wrong with anything else."""

import keras
import numpy as np
import pytest

import sfp_keras
from sfp_keras.errors import InputError
from sfp_keras.probing import Head
from sfp_keras.settings import HeadSettings

RNG = np.random.default_rng(0)
Y = np.arange(30) % 3
X = (RNG.normal(size=(30, 8, 8, 1)) + Y[:, None, None, None]).astype(np.float32)
TRAIN, TEST = (X[:18], Y[:18]), (X[18:], Y[18:, None])
SETTINGS = HeadSettings(epochs=1, batch_size=6)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = image = keras.Input((8, 8, 1))
    for name in ("one", "two"):
        x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=name)(x)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def cut(model):
    return sfp_keras.cut_stages(model, ["one", "two"])


@pytest.fixture(scope="module")
def heads():
    shapes = {"one": (4, 4), "two": (2, 2)}
    return {
        name: Head(
            RNG.normal(size=(shape[0] * shape[1], 4, 3)).astype(np.float32),
            shape,
            [{"epoch": 0, "test_accuracy": 0.5}],
        )
        for name, shape in shapes.items()
    }


def test_the_steps_fit_together(model):
    cut = sfp_keras.cut_stages(model, "two")
    cache = sfp_keras.cache_features(cut, "two", TRAIN, TEST)
    heads = sfp_keras.train_heads(cache, settings=SETTINGS)
    measured = sfp_keras.measure_fields(cut, heads, TEST)["two"]
    np.testing.assert_array_equal(measured.fields.label_counts, [4, 4, 4])
    alone = sfp_keras.measure_fields(cut, heads["two"], TEST)["two"]
    np.testing.assert_array_equal(alone.fields.features, measured.fields.features)
    found, again = sfp_keras.find_clusters(measured), sfp_keras.find_clusters(measured.fields)
    np.testing.assert_array_equal(found.cluster_id, again.cluster_id)


def test_heads_find_their_stage_by_name(cut, heads):
    # Of one shape, which could be mistaken for one another.
    kernels = {"one": np.zeros((16, 4, 3)), "two": np.ones((4, 4, 3))}
    backwards = dict(reversed(kernels.items()))
    found = sfp_keras.measure_fields(cut, backwards, TEST)
    assert list(found) == ["one", "two"]
    assert found["two"].fields.kernel.all()


def test_arrays_and_batches_give_the_same_features(cut):
    arrays = sfp_keras.cache_features(cut, None, TRAIN, TEST)
    batches = sfp_keras.cache_features(cut, None, [TRAIN], [TEST])
    given = sfp_keras.cache_features(cut, None, iter([TRAIN]), [TEST], train_count=18)
    for name in ("one", "two"):
        np.testing.assert_array_equal(arrays.arrays[name], batches.arrays[name])
        np.testing.assert_array_equal(arrays.arrays[name], given.arrays[name])
    np.testing.assert_array_equal(arrays.labels, Y)


def test_what_does_not_fit_is_refused(model, cut, heads):
    with pytest.raises(InputError, match=r"`model` must be a keras\.Model, received str"):
        sfp_keras.cut_stages("my.keras", "two")
    with pytest.raises(InputError, match="`stages` must be names of layers, received int 3"):
        sfp_keras.cut_stages(model, [3])
    with pytest.raises(InputError, match=r"`names`: 1 names .one. for the 2 outputs"):
        sfp_keras.cache_features(cut, "one", TRAIN, TEST)
    with pytest.raises(InputError, match="`train_count`: say how many images `train` gives"):
        sfp_keras.cache_features(cut, None, iter([TRAIN]), TEST)
    with pytest.raises(InputError, match="`test`: 12 images and 2 labels"):
        sfp_keras.cache_features(cut, None, TRAIN, (X[18:], Y[:2]))
    cache = sfp_keras.cache_features(cut, None, TRAIN, TEST)
    with pytest.raises(InputError, match="`num_labels`=2: labels run from 0 to 2"):
        sfp_keras.train_heads(cache, 2)
    with pytest.raises(InputError, match="`cache` must be what `cache_features` returns"):
        sfp_keras.train_heads(TRAIN)
    with pytest.raises(InputError, match="`kernels`: one head for the stages one, two"):
        sfp_keras.measure_fields(cut, heads["one"], TEST)
    with pytest.raises(InputError, match="`kernels`: heads of one; the model is cut at one, two"):
        sfp_keras.measure_fields(cut, {"one": heads["one"]}, TEST)
    measured = sfp_keras.measure_fields(cut, heads, TEST)["one"]
    with pytest.raises(InputError, match="`clusters` must be FilterClusters"):
        sfp_keras.layer_statistics(measured.fields)
    with pytest.raises(InputError, match="`fields` must be FilterFields"):
        sfp_keras.label_statistics(sfp_keras.find_clusters(measured), measured)


def test_results_show_themselves_in_a_line(cut, heads):
    measured = sfp_keras.measure_fields(cut, heads, TEST)["two"]
    clusters = sfp_keras.find_clusters(measured)
    statistics = sfp_keras.layer_statistics(clusters)
    assert repr(measured.fields) == "FilterFields(4 filters of 2x2 outputs, 3 labels, 12 inputs)"
    assert repr(heads["two"]).startswith(
        "Head(4 filters of 4 outputs, 3 labels, 1 epochs, test accuracy 0.5"
    )
    assert repr(clusters).startswith("FilterClusters(4 filters, 3 labels, threshold 0.3: ")
    assert repr(statistics).startswith("LayerStatistics(4 filters, 3 labels: ")
    cache = sfp_keras.cache_features(cut, None, TRAIN, TEST)
    sums = sfp_keras.summed_fields(clusters, measured.fields)
    decisions = sfp_keras.probing.measure_decisions(cut, heads, TEST)["two"]
    for result in (measured, cache, sums, decisions):
        assert "\n" not in repr(result)
        assert len(repr(result)) < 400
