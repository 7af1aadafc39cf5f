"""What a head reads of a stage: poolings with weights, and attention heads as filters."""

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.layers import SequencePooling
from sfp_keras.probing import (
    Head,
    cache_features,
    cut_stages,
    measure_decisions,
    measure_fields,
    train_heads,
)
from sfp_keras.settings import HeadSettings

pytestmark = pytest.mark.usefixtures("not_compiled")
LABELS, NODES = 3, 6
Y = np.arange(48) % LABELS
X = np.random.default_rng(0).normal(size=(48, 8, 8, 1)) + Y[:, None, None, None] / 2
X = X.astype(np.float32)
SETTINGS = HeadSettings(epochs=3, schedule_epochs=3, batch_size=8, lr=0.2)
VIEWS = {"map": "sequence", "first": "sequence+heads:2"}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(NODES, 2, strides=2, name="map")(image)
    x = layers.Reshape((16, NODES), name="tokens")(x)
    x = layers.Dense(NODES, activation="gelu", name="first")(x)
    return keras.Model(image, layers.Dense(LABELS)(layers.GlobalAveragePooling1D()(x)))


@pytest.fixture(scope="module")
def cut(model):
    return cut_stages(model, list(VIEWS), VIEWS)


@pytest.fixture(scope="module")
def cache(cut):
    return cache_features(cut, None, (X, Y), (X, Y), dtype="float32")


@pytest.fixture(scope="module")
def heads(cache):
    return train_heads(cache, settings=SETTINGS)


def test_a_saved_cut_model_keeps_its_views(cut, cache, heads, tmp_path):
    cut.save(tmp_path / "cut.keras")
    loaded = keras.saving.load_model(tmp_path / "cut.keras")
    assert (loaded.output_names, loaded.views) == (list(VIEWS), cut.views)
    expected = measure_fields(cut, heads, (X, Y))
    for name, found in measure_fields(loaded, heads, (X, Y)).items():
        np.testing.assert_array_equal(found.fields.features, expected[name].fields.features)


def naive(model, stage, head, silenced_but):
    """The small network on top of a frozen one, with all weights but some nodes' at zero."""
    tokens = model.get_layer(stage).output
    pooling = SequencePooling(name="pooling")
    classify = layers.Dense(LABELS, use_bias=False, name="classify")
    network = keras.Model(model.input, classify(pooling(tokens)))
    pooling.set_weights([head.pooling["kernel"], head.pooling["bias"]])
    positions = len(head.kernel)
    # Position s of filter h is node h * S + s.
    kernel = head.kernel.transpose(1, 0, 2).reshape(NODES, LABELS).copy()
    kernel[[node for node in range(NODES) if node // positions != silenced_but]] = 0
    classify.set_weights([kernel])
    outputs = keras.ops.convert_to_numpy(network(X))
    return np.array([outputs[label == Y].mean(axis=0) for label in range(LABELS)])


@pytest.mark.parametrize(("stage", "shape"), [("map", (1, 6)), ("first", (3, 2))])
def test_fields_are_those_of_forward_passes_with_other_nodes_silenced(
    model, cut, heads, stage, shape
):
    head = heads[stage]
    assert head.kernel.shape == (*shape, LABELS)
    measured = measure_fields(cut, heads, (X, Y))[stage]
    assert measured.accuracy == pytest.approx(head.history[-1]["test_accuracy"])
    for number in range(shape[1]):
        expected = naive(model, stage, head, number)
        np.testing.assert_allclose(measured.fields.matrix(number), expected, rtol=1e-4, atol=1e-5)


def test_filters_decide_from_what_is_pooled(cut, heads):
    decided = measure_decisions(cut, heads, (X, Y))
    assert [len(of_stage.correct) for of_stage in decided.values()] == [6, 2]


def test_pooling_and_head_are_trained_as_a_network_of_their_own(cut, cache, heads):
    """Also where other heads are trained beside it, and in another order."""
    alone = cut_stages_of(cut, "first")
    (one,) = train_heads(
        cache_features(alone, None, (X, Y), (X, Y), dtype="float32"), settings=SETTINGS
    ).values()
    np.testing.assert_allclose(one.kernel, heads["first"].kernel, rtol=1e-5, atol=1e-6)
    for name, weights in one.pooling.items():
        np.testing.assert_allclose(weights, heads["first"].pooling[name], rtol=1e-4, atol=1e-6)
    before = train_heads(cache, settings=HeadSettings(epochs=1, batch_size=8, lr=1e-9))
    moved = heads["first"].pooling["kernel"] - before["first"].pooling["kernel"]
    assert np.abs(moved).max() > 0.01


def cut_stages_of(cut, stage):
    """The cut model of one of its stages."""
    number = cut.output_names.index(stage)
    alone = type(cut)(cut.inputs[0], [cut.outputs[number]])
    alone.output_names, alone.views = [stage], {stage: cut.views[stage]}
    return alone


def test_heads_are_groups_of_nodes(model):
    nodes, heads = (
        cut_stages(model, ["map", "first"], {"map": f"avg:2{more}", "first": f"global_avg{more}"})
        for more in ("", "+heads:3")
    )
    assert [tuple(output.shape[1:]) for output in heads.outputs] == [(2, 2, 2, 3), (2, 3)]
    rng = np.random.default_rng(1)
    kernels = {"map": rng.normal(size=(4, 6, 3)), "first": rng.normal(size=(1, 6, 3))}
    regrouped = {
        name: kernel.reshape(-1, 3, 2, 3).swapaxes(1, 2).reshape(-1, 3, 3)
        for name, kernel in kernels.items()
    }
    found = measure_fields(heads, regrouped, (X, Y))
    for name, one in measure_fields(nodes, kernels, (X, Y)).items():
        by_heads = one.fields.by_heads(3)
        np.testing.assert_array_equal(by_heads.features, found[name].fields.features)
        np.testing.assert_array_equal(by_heads.kernel, found[name].fields.kernel)
        assert by_heads.position_shape == found[name].fields.position_shape


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("heads:4", "`pool`=heads:4: stage 'tokens' has 6 nodes, which do not divide into 4 heads"),
        ("heads", "'heads' is none of .*heads:<n>"),
        ("sequence:2", "'sequence:2' is none of .*sequence"),
        ("sequence+", r"'sequence\+' is none of"),
        ("sequence+sequence", "only one pooling with weights"),
        ("global_avg+sequence", r"`pool`=sequence cannot pool stage 'tokens' of shape \(6,\)"),
    ],
)
def test_views_that_will_not_do(model, pool, words):
    with pytest.raises(InputError, match=words):
        cut_stages(model, ["tokens"], pool)


def test_a_head_without_the_weights_of_its_pooling_is_refused(cut, heads):
    kernels = {name: head.kernel for name, head in heads.items()}
    with pytest.raises(InputError, match=r"`kernels`: stage map is seen by `pool`=sequence.*none"):
        measure_fields(cut, kernels, (X, Y))
    other = Head(heads["map"].kernel, (), [], {"kernel": np.ones((4, 1)), "bias": np.ones(1)})
    with pytest.raises(InputError, match=r"has \{'kernel': \(4, 1\), 'bias': \(1,\)\}"):
        measure_fields(cut, heads | {"map": other}, (X, Y))
