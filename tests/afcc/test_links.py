"""Links between filters: found by following layers, checked by what the network really does."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from sfp_keras import (
    CompactDense,
    FilterClusters,
    build_vgg,
    link_mask,
    links,
    list_stages,
    mask_layers,
)
from sfp_keras.afcc import unlinked_kernels
from sfp_keras.errors import InputError
from sfp_keras.models import LayerTraits, register_traits

RNG = np.random.default_rng(0)


def vgg():
    return build_vgg("vgg6", 5, filters=dict.fromkeys(range(1, 6), 3) | {4: 4}, fc_widths=(6, 7))


def residual():
    """Two branches that are added, then joined with a third, and a depthwise and grouped tail."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, padding="same", name="a")(x))
    y = layers.Conv2D(4, 1, name="b")(layers.ReLU(name="act")(y))
    total = layers.Add(name="sum")([x, y])
    side = layers.Conv2D(2, 3, padding="same", activation="relu", name="side")(total)
    x = layers.Concatenate(name="joined")([side, layers.LeakyReLU(name="leaky")(total)])
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(6, 1, groups=2, name="grouped")(x)
    x = layers.ZeroPadding2D(1, name="padding")(layers.LayerNormalization(name="layer_norm")(x))
    x = layers.DepthwiseConv2D(3, strides=2, name="depthwise")(x)
    x = layers.DepthwiseConv2D(1, depth_multiplier=2, name="doubled")(x)
    x = layers.Conv2D(3, 1, name="last")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(5, name="output")(x)
    return keras.Model(inputs, layers.Softmax(name="softmax")(x))


def permuted():
    inputs = keras.Input((6, 4, 3), name="image")
    x = layers.Conv2D(5, 1, activation="relu", name="conv")(inputs)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(5, 2, groups=5, padding="same", name="depthwise")(x)
    x = layers.Lambda(lambda y: y * 2, name="twice")(x)
    x = ops.transpose(layers.Permute((3, 1, 2), name="permute")(x), (0, 1, 3, 2))
    x = layers.Dropout(0.5, name="drop")(layers.Flatten(name="flatten")(x))
    x = layers.Dense(6, activation="relu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(5, name="output")(x))


def tokens():
    """Tokens of two stages side by side, heads of an attention's projection, and back."""
    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Reshape((16, 6), name="as_tokens")(layers.Conv2D(6, 1, name="patches")(inputs))
    x = layers.EinsumDense("btd,dhk->bthk", (16, 2, 3), name="heads")(x)
    x = layers.EinsumDense("bthk,hkd->btd", (16, 6), activation="tanh", name="projection")(x)
    x = layers.EinsumDense("...d,dk->...k", 4, name="feed")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(5, name="output")(x))


def pieces():
    """Maps with filters first that are joined along them, then split and put together again."""
    inputs = keras.Input((4, 6, 3), name="image")
    maps = [layers.Conv2D(size, 1, name=f"stem{size}")(inputs) for size in (4, 3)]
    x = layers.Concatenate(axis=1)([layers.Permute((3, 1, 2))(one) for one in maps])
    x = layers.Permute((2, 3, 1))(x)
    first, second = ops.split(x, [3], axis=-1)
    x = layers.Conv2D(6, 1, name="conv")(layers.Concatenate()([second, first]))
    return keras.Model(inputs, layers.Dense(5, name="output")(layers.Flatten()(x)))


NETWORKS = {
    **{"vgg": vgg, "residual": residual, "permuted": permuted, "tokens": tokens},
    "pieces": pieces,
}
FOUND = {
    "vgg": {
        "layer2": (("layer1_pool",), "layer2_pool"),
        "layer3": (("layer2_pool",), "layer3_pool"),
        "layer4": (("layer3_pool",), "layer4_pool"),
        "layer5": (("layer4_pool",), "layer5_pool"),
        "fc1": (("layer5_pool",), "fc1"),
        "fc2": (("fc1",), "fc2"),
        "output": (("fc2",), None),
    },
    "residual": {
        "a": (("stem",), "act"),
        "b": (("act",), "b"),
        "side": (("sum",), "side"),
        "grouped": (("side", "sum"), "depthwise"),
        "last": (("doubled",), "last"),
        "output": (("last",), None),
    },
    "permuted": {"hidden": (("twice",), "hidden"), "output": (("hidden",), None)},
    "pieces": {"conv": (("stem4", "stem3"), "conv"), "output": (("conv",), None)},
    "tokens": {
        "heads": (("patches",), "heads"),
        "projection": (("heads",), "projection"),
        "feed": (("projection",), "feed"),
        "output": (("feed",), None),
    },
}


def values(tensor):
    return ops.convert_to_numpy(tensor)


def scrambled(model):
    """The model with weights of which none is zero."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.2, 1, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_links_are_those_of_the_network(name):
    found = {link.name: (link.sources, link.target) for link in links(NETWORKS[name]())}
    assert found == FOUND[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_are_those_that_a_filter_changes(name):
    """Another number in one filter of a source: the kernel's inputs that change are its own."""
    model = scrambled(NETWORKS[name]())
    for link in links(model):
        stages = [model.get_layer(path).output for path in link.sources]
        layer = model.get_layer(link.layer)
        before = keras.Model(stages, layers.Identity()(layer.input))
        images = [RNG.uniform(1, 2, (1, *x.shape[1:])).astype(np.float32) for x in stages]
        answer = values(before(images))
        filters = [(s, f) for s, image in enumerate(images) for f in range(image.shape[-1])]
        for number, (stage, one) in enumerate(filters):
            others = [image.copy() for image in images]
            others[stage][..., one] += 0.5
            rank = len(link.axes.reads)
            changed = (values(before(others)) != answer).reshape(-1, *answer.shape[-rank:])
            if link.layer == "grouped":
                # The layer norm before it is what passes labels and reads all filters.
                assert changed.any(axis=0)[number]
                continue
            assert (changed.any(axis=0).reshape(-1) == (link.inputs == number)).all()
        assert set(link.inputs) == set(range(len(filters)))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_that_a_mask_takes_joined_two_filters_of_no_common_label(name):
    """What a layer makes of one filter alone in one of its own: nothing, or what shares a label."""
    model = scrambled(NETWORKS[name]())
    for link in links(model):
        layer = model.get_layer(link.layer)
        sizes = [model.get_layer(path).output.shape[-1] for path in link.sources]
        made = layer.output.shape[-1]
        labels = [RNG.random((size, 5)) < 0.4 for size in sizes]
        target = RNG.random((made, 5)) < 0.4 if link.target else np.eye(5, dtype=bool)
        given = dict(zip(link.sources, labels, strict=True))
        mask = link.mask(given if link.target is None else given | {link.target: target})
        assert mask.dtype == bool
        full = np.broadcast_to(mask, layer.kernel.shape)
        source = np.concatenate(labels)
        kernel, *bias = layer.get_weights()
        without = [np.zeros_like(array) for array in bias]
        shape = layer.input.shape[1:]
        for number in range(len(source)):
            read = (link.inputs == number).reshape(shape[-len(link.axes.reads) :])
            images = np.ones((1, *shape), np.float32) * read
            joined, left = [], []
            for found, weights in ((joined, kernel), (left, np.where(full, kernel, 0))):
                layer.set_weights([weights, *without])
                answer = np.abs(values(layer(images))).reshape(-1, made)
                found.extend(answer.max(axis=0) > 1e-6)
            for one in range(made):
                shared = any(source[number, j] and target[one, j] for j in range(5))
                assert left[one] == (joined[one] and shared), (link.name, number, one)
        layer.set_weights([kernel, *bias])


def test_masks_go_on_the_layers():
    model = vgg()
    found = links(model)
    sizes = {"fc1": 6, "fc2": 7, "layer4_pool": 4}
    stages = dict.fromkeys(path for link in found for path in (*link.sources, link.target) if path)
    labels = {path: RNG.random((sizes.get(path, 3), 5)) < 0.5 for path in stages}
    for of_stage in labels.values():
        of_stage[:, 0] = True
        of_stage[0] = True
    masks = {link.layer: link.mask(labels) for link in found}
    masked = mask_layers(model, masks)
    for link in found:
        kernel = values(masked.get_layer(link.layer).kernel)
        assert (kernel[~np.broadcast_to(masks[link.layer], kernel.shape)] == 0).all()
    # The dense layers' own nodes are filters of one position.
    positions = {stage.path: stage.position_shape for stage in list_stages(model)}
    assert positions["fc1"] == positions["fc2"] == ()
    shared = labels["fc1"] @ labels["fc2"].T
    np.testing.assert_array_equal(masks["fc2"], shared)
    np.testing.assert_array_equal(masks["output"], labels["fc2"])
    first = labels["layer5_pool"] @ labels["fc1"].T
    np.testing.assert_array_equal(masks["fc1"], np.tile(first, (len(masks["fc1"]) // 3, 1)))


def test_a_link_mask_is_the_double_loop_over_filters_and_labels():
    source, target = RNG.random((7, 6)) < 0.3, RNG.random((5, 6)) < 0.3
    source[2] = False
    expected = np.zeros((7, 5), bool)
    for a in range(7):
        for b in range(5):
            for j in range(6):
                if source[a, j] and target[b, j]:
                    expected[a, b] = True
    np.testing.assert_array_equal(link_mask(source, target), expected)
    assert not expected[2].any()
    np.testing.assert_array_equal(link_mask(source), source)
    with pytest.raises(InputError, match="`source` has 6 labels and `target` 4"):
        link_mask(source, np.ones((5, 4), bool))
    with pytest.raises(InputError, match="`source` must be FilterClusters or a bool array"):
        link_mask(source.astype(int), target)


@pytest.mark.parametrize(
    ("counts", "share"), [((5, 5), 23.0), ((4, 4), 15.3), ((3, 3), 8.8), ((10, 10), 67.0)]
)
def test_random_label_sets_keep_the_expected_share(counts, share):
    """1 - C(K - s, t) / C(K, t) for s and t labels of K = 100."""
    rng = np.random.default_rng(5)
    sets = [np.argsort(rng.random((512, 100)), axis=1) < count for count in counts]
    assert 100 * link_mask(*sets).mean() == pytest.approx(share, abs=1)


def test_mobilenet_has_a_link_for_each_kernel_between_filters():
    model = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, weights=None, classes=5, classifier_activation=None
    )
    found = links(model)
    kernels = [layer for layer in model.layers if type(layer) in (layers.Conv2D, layers.Dense)]
    assert [link.layer for link in found] == [layer.name for layer in kernels[1:]]
    by_layer = {link.layer: link for link in found}
    # The depthwise convolution between them passes the filters.
    assert by_layer["block_1_expand"].target == "block_1_depthwise_relu"
    assert by_layer["block_1_project"].sources == ("block_1_depthwise_relu",)
    assert by_layer["block_3_expand"].sources == ("block_2_add",)
    assert by_layer["predictions"].target is None
    assert unlinked_kernels(model) == {}


def test_images_of_any_size_have_the_links_of_one_size():
    def network(size):
        inputs = keras.Input((size, size, 3))
        x = layers.Conv2D(4, 3, 2, padding="same", name="first")(inputs)
        x = layers.Concatenate()([x, layers.DepthwiseConv2D(3, padding="same", name="own")(x)])
        x = layers.Add(name="sum")([x, layers.Conv2D(8, 1, name="second")(x)])
        x = layers.Dense(6, name="third")(layers.GlobalAveragePooling2D()(x))
        return keras.Model(inputs, layers.Dense(5, name="output")(x))

    found = [
        [(link.layer, link.sources, link.target, link.inputs.tolist()) for link in links(one)]
        for one in (network(None), network(8))
    ]
    assert found[0] == found[1]
    assert [layer for layer, *_ in found[0]] == ["second", "third", "output"]


def test_what_is_not_known_is_named_with_the_mend():
    class Mixing(layers.Layer):
        def call(self, inputs):
            return inputs + ops.mean(inputs, axis=-1, keepdims=True)

    inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(4, 1, name="first")(inputs)
    x = layers.Conv2D(4, 1, name="second")(Mixing(name="mixing")(x))
    x = layers.Reshape((16, 4))(x)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    model = keras.Model(inputs, layers.Dense(5, name="output")(x))
    assert [link.layer for link in links(model)] == ["output"]
    left_out = unlinked_kernels(model)
    assert list(left_out) == ["second", "attention"]
    assert "layer 'mixing' (Mixing)" in left_out["second"]
    assert "register_traits what Mixing does with filters" in left_out["second"]
    assert "MultiHeadAttention" in left_out["attention"]

    head = CompactDense(3, np.eye(4, 3) > 0)
    last = keras.Sequential([keras.Input((6,)), layers.Dense(4), head])
    assert list(unlinked_kernels(last)) == [head.name]

    register_traits(Mixing, LayerTraits("passed", alone=False))
    assert next(link.sources for link in links(model)) == ("mixing",)


def test_labels_that_do_not_fit_are_refused():
    link = links(vgg())[1]
    good = np.ones((3, 5), bool)
    with pytest.raises(InputError, match="`labels` must be a dict from paths of stages"):
        link.mask(good)
    with pytest.raises(InputError, match="none of stage 'layer3_pool'"):
        link.mask({"layer2_pool": good})
    with pytest.raises(InputError, match="4 filters, and the link 'layer3' makes 3"):
        link.mask({"layer2_pool": good, "layer3_pool": np.ones((4, 5), bool)})
    with pytest.raises(
        InputError, match="2 filters of layer2_pool, of which the link 'layer3' reads 3"
    ):
        link.mask({"layer2_pool": good[:2], "layer3_pool": good})
    joined = links(pieces())[0]
    of_stages = {"stem3": good, "stem4": np.ones((5, 5), bool), "conv": np.ones((6, 5), bool)}
    with pytest.raises(InputError, match="5 filters of stem4, of which the link 'conv' reads 4"):
        joined.mask(of_stages)


def test_stages_inside_nested_models_go_by_either_name():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="a")], name="inner")
    layers_behind = [layers.Dense(3, name="b"), layers.Dense(5, name="output")]
    link = links(keras.Sequential([keras.Input((3,)), inner, *layers_behind]))[0]
    assert link.sources == ("inner/a",)
    of_source, of_target = (RNG.random((size, 5)) < 0.4 for size in (4, 3))
    masks = [link.mask({name: of_source, "b": of_target}) for name in ("inner/a", "inner.a")]
    np.testing.assert_array_equal(*masks)
    np.testing.assert_array_equal(masks[0], of_source @ of_target.T)


def test_clusters_are_labels_too():
    labels = RNG.random((4, 5)) < 0.5
    clusters = FilterClusters(np.where(labels, 0, -1), labels.astype(int))
    np.testing.assert_array_equal(link_mask(clusters, clusters), labels @ labels.T)
