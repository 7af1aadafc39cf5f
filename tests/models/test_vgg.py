"""The papers' VGG networks: their table, shapes, initial weights and refusals."""

import itertools

import keras
import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.models import VGG_NAMES, build_vgg, default_stage_names

SMALL = {"fc_widths": (8, 6)}


def narrow(name, **arguments):
    """Build a network of the papers' depth with few filters."""
    convs = {"vgg6": 5, "avgg6": 5, "avgg8": 5, "vgg11": 10, "avgg13": 10, "vgg11a": 8}.get(
        name, 13
    )
    widths = dict.fromkeys(range(1, convs + 1), 4)
    return build_vgg(name, 3, **{"filters": widths, "fc_widths": (5,), **arguments})


def without_values(name, labels, **arguments):
    """Build a network as wide as the papers'; numbers for its weights are not drawn."""
    with keras.StatelessScope(initialize_variables=False):
        return build_vgg(name, labels, **arguments)


def weights_of(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("vgg6", [(16, 64), (8, 128), (4, 256), (2, 512), (1, 512)]),
        ("vgg11", [(16, 64), (8, 128), (4, 256), (2, 512)]),
        ("vgg11a", [(16, 64), (8, 128), (4, 256), (2, 512), (1, 512)]),
        ("vgg16", [(16, 64), (8, 128), (4, 256), (2, 512), (1, 512)]),
        ("avgg6", [(4, 512)]),
        ("avgg13", [(4, 512)]),
        ("avgg16", [(4, 512)]),
    ],
)
def test_papers_stages_have_the_papers_shapes(name, shapes):
    model = without_values(name, 10, **SMALL)
    stages = [model.get_layer(f"{stage}_pool").output.shape for stage in default_stage_names(name)]
    assert stages == [(None, size, size, filters) for size, filters in shapes]


def poolings(model):
    """Name, class and window of a network's poolings, input side first."""
    pools = [layer for layer in model.layers if layer.name.endswith("_pool")]
    return [(one.name, type(one).__name__[:3], one.pool_size[0]) for one in pools]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("avgg6", 3, 5), ("avgg8", 3, 5), ("avgg13", 7, 10), ("avgg14", 7, 13), ("avgg16", 7, 13)],
)
def test_avggs_pool_twice(name, first, last):
    model = narrow(name)
    assert poolings(model) == [(f"layer{first}_pool", "Ave", 4), (f"layer{last}_pool", "Max", 2)]


def test_kinds_and_place_of_an_avggs_poolings_can_be_others():
    swapped = narrow("avgg6", pooling_order="max,avg")
    assert poolings(swapped) == [("layer3_pool", "Max", 4), ("layer5_pool", "Ave", 2)]
    moved = narrow("avgg6", pooling_order="max,avg", first_pooling=5)
    assert poolings(moved) == [("layer5_first_pool", "Max", 4), ("layer5_pool", "Ave", 2)]
    # There are as many numbers for the fully connected layers.
    assert moved.count_params() == swapped.count_params()


def test_orders_of_poolings_differ_next_to_the_output():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3))
    logits = [
        # Called once, a network is sooner run than compiled.
        narrow("avgg6", pooling_order=order, first_pooling=5)(images)
        for order in ("avg,max", "max,avg")
    ]
    assert not np.allclose(*logits)


@pytest.mark.parametrize(
    ("name", "convolutions", "connected"),
    [
        # Five, ten and thirteen convolutions with biases and batch norms, from 3 channels on.
        ("avgg6", (3, 64, 128, 256, 512, 512), (8192, 10)),
        ("avgg8", (3, 64, 128, 256, 512, 512), (8192, 4096, 4096, 10)),
        ("avgg13", (3, 64, 64, 128, 128, *[256] * 3, *[512] * 3), (8192, 4096, 4096, 10)),
        ("avgg14", (3, 64, 64, 128, 128, *[256] * 3, *[512] * 6), (8192, 10)),
        ("avgg16", (3, 64, 64, 128, 128, *[256] * 3, *[512] * 6), (8192, 4096, 4096, 10)),
    ],
)
def test_parameters_of_avggs(name, convolutions, connected):
    model = without_values(name, 10)
    of_convolutions = sum(
        9 * before * here + here + 4 * here for before, here in itertools.pairwise(convolutions)
    )
    of_connected = sum(before * here for before, here in itertools.pairwise(connected))
    assert model.count_params() == of_convolutions + of_connected + sum(connected[1:-1])
    linear = [layer.activation for layer in model.layers if layer.name.startswith("fc")]
    assert linear == [keras.activations.linear] * (len(connected) - 2)


def test_layer_names_in_order():
    names = [layer.name for layer in narrow("vgg6", fc_widths=(5, 4)).layers]
    assert names[:5] == ["image", "layer1_conv", "layer1_norm", "layer1_relu", "layer1_pool"]
    assert names[-4:] == ["flatten", "fc1", "fc2", "output"]


def test_parameters_of_the_papers_vgg11():
    # The first ten convolutions of VGG-16 and one bias-free layer (arXiv:2501.12880).
    model = without_values("vgg11", 100)
    kernels = [weight.shape for weight in model.weights if weight.name == "kernel"]
    counts = [int(np.prod(shape)) for shape in kernels]
    assert counts == [
        *(1_728, 36_864, 73_728, 147_456, 294_912, 589_824, 589_824),
        *(1_179_648, 2_359_296, 2_359_296, 204_800),
    ]
    assert [layer.name for layer in model.layers][-2:] == ["flatten", "output"]
    assert model.get_layer("output").use_bias is False


def test_parameters_of_the_papers_vgg16():
    # 13 convolutions, batch norms, and the group's later classifier 512-4096-4096-K.
    model = without_values("vgg16", 10)
    classifier = 512 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 10
    convolutions = 14_710_464 + 4_224 + 4 * 4_224
    assert model.count_params() == convolutions + classifier
    assert model.get_layer("fc1").activation is keras.activations.linear


def test_defaults_of_vgg6_and_output():
    model = without_values("vgg6", 7)
    assert [layer.name for layer in model.layers[-2:]] == ["flatten", "output"]
    output = model.get_layer("output")
    assert not output.use_bias
    assert output.activation is keras.activations.linear
    norm = model.get_layer("layer1_norm")
    assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)


def test_arguments_reach_the_layers():
    model = narrow(
        "vgg6",
        conv_bias=False,
        batch_norm=False,
        fc_activation="relu",
        output_bias=True,
        filters={5: 3},
    )
    assert not model.get_layer("layer3_conv").use_bias
    assert not [layer for layer in model.layers if layer.name.endswith("_norm")]
    assert model.get_layer("fc1").activation is keras.activations.relu
    assert model.get_layer("output").use_bias
    assert [model.get_layer(f"layer{n}_conv").filters for n in (4, 5)] == [512, 3]


def test_a_build_is_a_function_of_the_seed():
    first, second, other = (weights_of(narrow("vgg6", seed=seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[path], second[path]) for path in first)
    assert not np.array_equal(first["layer1_conv/kernel"], other["layer1_conv/kernel"])
    assert not np.array_equal(first["layer2_conv/kernel"], first["layer3_conv/kernel"])
    # A layer's start does not depend on layers after it.
    thinner = weights_of(narrow("vgg6", seed=1, filters={**dict.fromkeys(range(1, 5), 4), 5: 2}))
    assert np.array_equal(first["layer4_conv/kernel"], thinner["layer4_conv/kernel"])


def test_initial_weights_are_pytorchs():
    weights = weights_of(build_vgg("vgg6", 50, fc_widths=(300,)))
    for layer, fan_in in (("layer3_conv", 9 * 128), ("fc1", 512)):
        limit = fan_in**-0.5
        for part in ("kernel", "bias"):
            values = weights[f"{layer}/{part}"]
            assert np.abs(values).max() <= limit
            assert np.abs(values).max() > 0.95 * limit
            assert values.std() == pytest.approx(limit / 3**0.5, rel=0.1)
    assert np.abs(weights["output/kernel"]).max() <= 300**-0.5


def test_mixed_policy_keeps_logits_in_float32():
    model = narrow("vgg6", dtype="mixed_bfloat16")
    assert model.get_layer("layer1_conv").compute_dtype == "bfloat16"
    assert model.get_layer("fc1").compute_dtype == "bfloat16"
    assert {str(variable.dtype) for variable in model.weights} == {"float32"}
    logits = model.predict_on_batch(np.zeros((1, 32, 32, 3), "float32"))
    assert logits.dtype == np.float32


@pytest.mark.parametrize("name", VGG_NAMES)
def test_other_image_sizes(name):
    model = narrow(name, input_shape=(40, 64, 1))
    assert model(np.zeros((2, 40, 64, 1), "float32")).shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "vgg19"}, "vgg19.*vgg6, vgg11, vgg11a, vgg16, avgg6"),
        ({"num_labels": 0}, "num_labels.*0"),
        ({"input_shape": (16, 32, 3)}, r"vgg6.*32x32.*\(16, 32, 3\).*`image_size`"),
        ({"input_shape": (32, 32)}, r"\(32, 32\)"),
        ({"fc_activation": "reluu"}, "`fc_activation`"),
        ({"fc_widths": (0,)}, "`fc_widths`"),
        ({"filters": {6: 3}}, "layer 6.*layers 1 to 5"),
        ({"filters": {5: 0}}, "`filters` of layer 5"),
        ({"first_pooling": 3}, "`pooling_order` and `first_pooling` are of A-VGGs, not of vgg6"),
        ({"name": "avgg6", "first_pooling": 6}, "`first_pooling`=6, but avgg6 has layers 1 to 5"),
        ({"name": "avgg6", "first_pooling": "3"}, "`first_pooling` must be a whole number from 1"),
        ({"name": "avgg6", "pooling_order": "max"}, "`pooling_order`='max' must be one of avg,max"),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(InputError, match=words):
        build_vgg(**{"name": "vgg6", "num_labels": 3, **arguments})


def test_unknown_default_stage_names():
    with pytest.raises(InputError, match="resnet"):
        default_stage_names("resnet")


def test_one_width_scales_all_layers() -> None:
    model = build_vgg("vgg16", 3, width=6)
    filters = [model.get_layer(f"layer{n}_conv").filters for n in range(1, 14)]
    assert filters == [6] * 2 + [12] * 2 + [24] * 3 + [48] * 6
    assert [model.get_layer(f"fc{n}").units for n in (1, 2)] == [384, 384]
    fixed = build_vgg("vgg16", 3, width=1, scale_fc=False, filters={2: 5})
    assert [fixed.get_layer(f"layer{n}_conv").filters for n in (1, 2, 3)] == [1, 5, 2]
    assert fixed.get_layer("fc1").units == 4096
    assert build_vgg("vgg16", 3, width=1, fc_widths=(7,)).get_layer("fc1").units == 7
    with pytest.raises(InputError, match="`width` must be a whole number from 1, not 0"):
        build_vgg("vgg6", 3, width=0)
