"""Splitting, zeroing and fine-tuning, against the whole network run literally."""

import keras
import numpy as np
import pytest

from sfp_keras import build_network
from sfp_keras.afcc import VARIANTS, HeadFineTuning, check_fine_tuning
from sfp_keras.afcc.tail import last_kernel_layer, split_network
from sfp_keras.errors import InputError
from sfp_keras.models import build_vgg
from sfp_keras.probing import cache_features, cut_stages, resolve_stages
from sfp_keras.settings import FineTuningSettings

pytestmark = pytest.mark.usefixtures("not_compiled")
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(110, 32, 32, 3)).astype(np.float32)
LABELS = RNG.integers(0, 5, 110)
TRAIN = 70


def residual():
    """A network with a shortcut, so that not every tensor carries all."""
    inputs = keras.Input((8, 8, 3))
    scale = keras.layers.Normalization(name="scale")
    scale.adapt(3 * np.random.default_rng(5).normal(size=(20, 8, 8, 3)) + 1)
    scaled = scale(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(scaled)
    y = keras.layers.Conv2D(4, 3, padding="same", name="second")(x)
    y = keras.layers.BatchNormalization(name="norm")(y)
    x = keras.layers.Add(name="sum")([x, y])
    x = keras.layers.Conv2D(6, 3, name="third")(x)
    x = keras.layers.ReLU(name="stage")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="out")(x))


@pytest.mark.parametrize(
    ("trainable", "ends", "begins"),
    [
        (["third"], "sum", "third"),
        (["second"], "first", "second"),
        (["norm"], "first", "second"),
        (["first"], "scale", "first"),
        (["all"], None, "scale"),
        ([], "stage", None),
    ],
)
def test_the_tail_begins_at_the_last_tensor_that_carries_all(trainable, ends, begins):
    net = residual()
    for layer in net.layers[2:]:
        layer.set_weights([RNG.normal(size=w.shape) ** 2 for w in layer.get_weights()])
    (stage,) = resolve_stages(net, ["stage"])
    before = net.get_weights()
    split = split_network(net, stage, trainable)
    names = [layer.name for layer in split.tail.layers]
    assert (split.prefix.layers[-1].name if split.prefix else None) == ends
    if begins:
        assert names[1] == begins
    x = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    whole = split.whole("whole", [split.tail])
    (expected,) = cut_stages(net, ["stage"])(x)
    np.testing.assert_array_equal(whole(x), expected)
    found = {variable.path.split("/")[0] for variable in whole.trainable_variables}
    every = {"first", "second", "norm", "third"} if trainable == ["all"] else set(trainable)
    assert found == every
    # Copies: what is done to the tail leaves the network as it is.
    split.tail.set_weights([0 * weight for weight in split.tail.get_weights()])
    for old, new in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_operations_and_functions_in_the_tail():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.Lambda(lambda x: 2 * x)(x) + keras.ops.relu(x + 3.0)
    net = keras.Model(inputs, keras.layers.Identity(name="stage")(x))
    (stage,) = resolve_stages(net, ["stage"])
    split = split_network(net, stage, ["conv"])
    images = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    copy = split.copy_of_tail("float32")
    copy.set_weights(split.tail.get_weights())
    np.testing.assert_array_equal(copy(images), net(images))


def test_the_head_alone_on_a_stage_of_a_nested_model():
    inner = residual()
    inputs = keras.Input((8, 8, 3))
    net = keras.Model(inputs, inner(inputs))
    (stage,) = resolve_stages(net, [f"{inner.name}/stage"])
    for pool in (None, "avg:2"):
        split = split_network(net, stage, [], pool)
        images = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
        (expected,) = cut_stages(net, [stage], pool)(images)
        np.testing.assert_array_equal(split.whole("whole", [split.tail])(images), expected)


@pytest.mark.parametrize("nested", [False, True])
def test_a_pooling_that_was_trained_with_the_head_trains_on_with_it(nested):
    net, name = residual(), "stage"
    if nested:
        inputs = keras.Input((8, 8, 3))
        net, name = keras.Model(inputs, net(inputs)), f"{net.name}/stage"
    (stage,) = resolve_stages(net, [name])
    pooling = {
        "kernel": RNG.normal(size=(stage.filters, 1)).astype(np.float32),
        "bias": np.zeros(1, np.float32),
    }
    split = split_network(net, stage, [], "sequence", pooling)
    images = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    tokens = np.asarray(cut_stages(net, [stage])(images)[0]).reshape(2, -1, stage.filters)
    weights = np.exp(tokens @ pooling["kernel"])
    expected = (tokens * weights / weights.sum(1, keepdims=True)).sum(1)
    found = split.whole("whole", [split.tail])(images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert [variable.name for variable in split.tail.trainable_variables] == ["kernel", "bias"]


def test_the_papers_choice_and_wrong_ones():
    net = residual()
    (stage,) = resolve_stages(net, ["stage"])
    assert last_kernel_layer(net, stage) == "third"
    vgg = build_vgg("vgg16", 10, width=2)
    (layer10,) = resolve_stages(vgg, ["layer10"])
    assert last_kernel_layer(vgg, layer10) == "layer10_conv"
    tree = build_network("tree3", 10, filters=1, branches=2)
    layer1, layer2 = resolve_stages(tree, ["layer1", "layer2"])
    assert last_kernel_layer(tree, layer2) == "layer2_sampling"
    with pytest.raises(InputError, match="'layer1' follows no layer of the outer model that"):
        last_kernel_layer(tree, layer1)
    with pytest.raises(InputError, match=r"'out'.*stage 'stage'.*third"):
        split_network(net, stage, ["out"])
    nested = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.Model(net.inputs[0], net.get_layer("stage").output, name="body"),
        ]
    )
    (inner,) = resolve_stages(nested, ["body/stage"])
    with pytest.raises(InputError, match="nested"):
        split_network(nested, inner, ["third"])


def batches(begin, end):
    return [
        (IMAGES[i : min(end, i + 40)], LABELS[i : min(end, i + 40)]) for i in range(begin, end, 40)
    ]


@pytest.fixture(scope="module")
def tuning():
    net = build_vgg("vgg6", 5, filters={1: 8, 2: 8, 3: 16, 4: 32})
    (stage,) = resolve_stages(net, ["layer4"])
    split = split_network(net, stage, ["layer4_conv"])
    cache = cache_features(
        split.prefix,
        ["prefix"],
        batches(0, TRAIN),
        batches(TRAIN, 110),
        train_count=TRAIN,
        test_count=40,
        dtype="float32",
    )
    kernel = (0.05 * np.random.default_rng(1).normal(size=(4, 32, 5))).astype(np.float32)
    settings = FineTuningSettings(epochs=2, lr=0.05, l2=1e-3, decay="0.5/1", batch_size=30)
    return net, split, HeadFineTuning(split, kernel, cache, settings, seed=3)


def literal_accuracy(net, kernel):
    (features,) = cut_stages(net, ["layer4"])(IMAGES[TRAIN:])
    scores = np.asarray(features).reshape(40, -1) @ kernel.reshape(-1, 5)
    return (scores.argmax(1) == LABELS[TRAIN:]).mean()


def test_accuracies_are_those_of_the_zeroed_kernel(tuning):
    net, _, tuner = tuning
    assert tuner.accuracy() == pytest.approx(literal_accuracy(net, tuner.kernel))
    for seed in range(3):
        mask = np.random.default_rng(seed).random(tuner.kernel.shape) < 0.1
        assert tuner.accuracy(mask) == pytest.approx(literal_accuracy(net, tuner.kernel * mask))


@pytest.mark.parametrize("masked", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_fine_tuning_moves_head_and_tail_and_keeps_zeros(masked, tuning, tmp_path):
    _, split, tuner = tuning
    mask = np.random.default_rng(0).random(tuner.kernel.shape) < 0.2 if masked else None
    before = split.tail.get_weights()
    found = tuner.run(mask, checkpoint=tmp_path / "c.npz")
    assert (found.kept, found.total) == (mask.sum() if masked else 640, 640)
    assert len(found.history) == 2
    assert [row["lr"] for row in found.history] == [0.05, 0.025]
    whole = split.whole("whole", found.layers)
    scores = whole.predict(IMAGES[TRAIN:], verbose=0)
    assert (scores.argmax(1) == LABELS[TRAIN:]).mean() == pytest.approx(found.accuracy_after)
    kernel = whole.get_layer("head").get_weights()[0]
    start = tuner.kernel.reshape(-1, 5)
    if masked:
        flat = mask.reshape(-1, 5)
        assert not kernel[~flat].any()
        assert (kernel[flat] != start[flat]).any()
    changed = {
        old.path.split("/")[-2:][0] + "/" + old.path.split("/")[-1]
        for old, new in zip(split.tail.variables, found.layers[0].variables, strict=True)
        if (np.asarray(old) != np.asarray(new)).any()
    }
    assert changed == {"layer4_conv/kernel", "layer4_conv/bias"}
    for old, new in zip(before, split.tail.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # The same once more: everything random is a function of seed and epoch.
    again = tuner.run(mask, checkpoint=tmp_path / "d.npz")
    np.testing.assert_array_equal(again.layers[-1].get_weights()[0], kernel)
    whole.save(tmp_path / "whole.keras")
    loaded = keras.models.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES[TRAIN:], verbose=0), scores)


def test_bf16_is_tested_in_float32(tuning, tmp_path):
    _, split, tuner = tuning
    settings = FineTuningSettings(1, lr=0.01, precision="mixed_bfloat16")
    bf16 = HeadFineTuning(split, tuner.kernel, tuner.cache, settings, seed=3)
    found = bf16.run(None, checkpoint=tmp_path / "c.npz")
    assert found.accuracy_zeroed == tuner.accuracy()
    scores = split.whole("whole", found.layers).predict(IMAGES[TRAIN:], verbose=0)
    assert scores.dtype == np.float32
    assert (scores.argmax(1) == LABELS[TRAIN:]).mean() == pytest.approx(found.accuracy_after)


def test_groups_are_matched_before_anything(tuning):
    _, split, _ = tuning

    def check(*names):
        groups = tuple(f"{name}: lr=0.1" for name in names)
        check_fine_tuning(split, FineTuningSettings(group=groups))

    check("layer4_conv", "(^|/)head/")
    with pytest.raises(InputError, match=r"`group`: .*'layer3_conv' matches .*layer4_conv/kernel"):
        check("layer3_conv")


def test_controls_keep_as_many_weights():
    mask = np.repeat(np.random.default_rng(0).random((1, 20, 6)) < 0.2, 3, axis=0)
    kernel = np.random.default_rng(1).normal(size=(3, 20, 6))
    made = {name: of.mask(mask, kernel, 0) for name, of in VARIANTS.items() if of.mask}
    assert list(VARIANTS) == ["clusters", "full", "random", "magnitude", "diagonal"]
    assert set(VARIANTS) - set(made) == {"full"}
    for name in ("clusters", "diagonal"):
        np.testing.assert_array_equal(made[name], mask)
    assert {int(of.sum()) for of in made.values()} == {int(mask.sum())}
    assert len({of.colour for of in VARIANTS.values()}) == len(VARIANTS)


def test_a_tail_whose_filters_are_moved_puts_them_last():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.ReLU(name="act")(keras.layers.Permute((3, 1, 2))(x))
    net = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    (stage,) = resolve_stages(net, ["act"])
    images = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    (expected,) = cut_stages(net, ["act"])(images)
    for trainable in ([], ["conv"]):
        split = split_network(net, stage, trainable)
        found = split.whole("whole", [split.tail])(images)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantized_tail_is_refused(mode):
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, "relu", name="hidden")(keras.layers.Dense(4, name="first")(inputs))
    net = keras.Model(inputs, keras.layers.Dense(3, name="out")(x))
    net.get_layer("hidden").quantize(mode)
    (stage,) = resolve_stages(net, ["hidden"])
    with pytest.raises(InputError, match=rf"'hidden' is quantized \({mode}\)"):
        split_network(net, stage, ["first"])


def test_nested_networks_with_layers_of_their_own_are_split_in_the_asked_precision():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Lambda(lambda x: 2 * x)(keras.layers.Conv2D(4, 3, name="inside")(inputs))
    body = keras.Model(inputs, x, name="body")
    x = keras.layers.Conv2D(5, 3, name="stage")(body(inputs))
    net = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    (stage,) = resolve_stages(net, ["stage"])
    images = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    (expected,) = cut_stages(net, ["stage"])(images)
    whole = split_network(net, stage, []).whole("whole", [])
    np.testing.assert_array_equal(whole(images), expected)
    tail = split_network(net, stage, ["all"]).copy_of_tail("mixed_bfloat16")
    inside = tail.get_layer("body").get_layer("inside")
    assert inside.dtype_policy.name == "mixed_bfloat16"
