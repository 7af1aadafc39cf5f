"""Finding stages: names as users write them, candidates, and the choice where none is named."""

import keras
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.models import build_vgg
from sfp_keras.probing import Stage, default_stages, list_stages, resolve_stages


def vgg(name, **arguments):
    convs = {"vgg6": 5, "vgg11": 10, "vgg11a": 8, "vgg16": 13, "avgg16": 13}[name]
    widths = dict.fromkeys(range(1, convs + 1), 4)
    return build_vgg(name, 3, filters=widths, fc_widths=(), **arguments)


def image(*shape):
    return keras.Input(shape or (16, 16, 3))


def conv(filters, name, strides=1):
    return layers.Conv2D(filters, 3, strides=strides, padding="same", name=name)


def nested():
    """Build a head on a backbone, as transfer learning does."""
    inner_input = image(None, None, 3)
    x = conv(4, "conv1")(inner_input)
    x = layers.MaxPooling2D(name="pool")(x)
    x = conv(5, "conv2")(x)
    backbone = keras.Model(inner_input, x, name="backbone")
    inputs = image()
    x = backbone(layers.Rescaling(1 / 255, name="scale")(inputs))
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(inputs, layers.Dense(3, name="dense")(x))


def twice():
    shared = conv(3, "shared")
    inputs = image()
    x = layers.MaxPooling2D(name="pool")(shared(inputs))
    x = layers.Flatten(name="flatten")(shared(x))
    return keras.Model(inputs, layers.Dense(2, name="dense")(x))


def names(stages):
    return [stage.name for stage in stages]


def test_a_stage_says_its_shape():
    (stage,) = resolve_stages(vgg("avgg16"), ["layer13"])
    assert stage == Stage("layer13", "layer13_pool", (4, 4, 4), (4, 4), 4, 64)
    (dense,) = resolve_stages(twice(), ["dense"])
    assert (dense.position_shape, dense.filters, dense.head_inputs) == ((), 2, 2)


def test_prefix_means_the_last_layer_of_that_name():
    model = vgg("vgg16")
    paths = {s.name: s.path for s in resolve_stages(model, ["layer1", "layer8", "layer13"])}
    # layer1 is not layer13, and layer 8 has no pooling.
    assert paths == {
        "layer1": "layer1_relu",
        "layer8": "layer8_relu",
        "layer13": "layer13_pool",
    }


def test_an_exact_layer_comes_before_a_prefix():
    inputs = image()
    x = conv(3, "block_end")(conv(3, "block")(inputs))
    assert resolve_stages(keras.Model(inputs, x), ["block"])[0].path == "block"


def test_stages_come_from_the_input_side():
    stages = resolve_stages(vgg("vgg6"), ["layer5", "layer1", "layer3_conv"])
    assert names(stages) == ["layer1", "layer3_conv", "layer5"]


def test_nested_layers_by_path_prefix_and_display_name():
    model = nested()
    for name in ("backbone/conv2", "backbone.conv2"):
        (stage,) = resolve_stages(model, [name])
        assert (stage.name, stage.path) == ("backbone.conv2", "backbone/conv2")
        # The backbone was built for any size; here it gets images of 16x16.
        assert stage.output_shape == (8, 8, 5)
    vgg_inside = vgg("vgg6")
    outer = keras.Sequential([image(32, 32, 3), vgg_inside])
    assert resolve_stages(outer, ["vgg6/layer2"])[0].path == "vgg6/layer2_pool"


def test_a_layer_called_twice_needs_its_index():
    model = twice()
    with pytest.raises(InputError, match=r"'shared' is called 2 times.*shared#0, shared#1"):
        resolve_stages(model, ["shared"])
    first, second = resolve_stages(model, ["shared#1", "shared#0"])
    assert (first.output_shape, second.output_shape) == ((16, 16, 3), (8, 8, 3))


def test_a_model_called_twice_needs_its_index():
    inner = keras.Sequential([image(), conv(3, "conv")], name="inner")
    inputs = image()
    model = keras.Model(inputs, inner(inner(inputs)))
    with pytest.raises(InputError, match="inner#0/conv, inner#1/conv"):
        resolve_stages(model, ["inner/conv"])
    assert names(resolve_stages(model, ["inner#1/conv"])) == ["inner#1.conv"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["layer14"], "'layer14'; did you mean .*layer.*`list_stages`"),
        (["layer2_pol"], "did you mean layer2_pool"),
        (["qqq"], "'qqq'; `list_stages`"),
        (["layer2", "layer2_pool"], "same layer 'layer2_pool'"),
        ([], "`stages` names none; `list_stages`"),
    ],
)
def test_names_that_will_not_do(asked, words):
    with pytest.raises(InputError, match=words):
        resolve_stages(vgg("vgg16"), asked)


def test_a_nested_name_without_its_model_is_pointed_at():
    with pytest.raises(InputError, match="did you mean backbone/conv2"):
        resolve_stages(nested(), ["conv2"])


def test_names_that_share_a_folder_are_refused():
    inner = keras.Sequential([image(), conv(3, "c")], name="a")
    inputs = image()
    model = keras.Model(inputs, conv(3, "a.c")(inner(inputs)))
    for asked in (["a/c", "a.c"], ["a/c"]):
        with pytest.raises(InputError, match=r"'a/c' and .*'a\.c'.*folder 'a\.c'"):
            resolve_stages(model, asked)
    assert names(resolve_stages(model, ["a.c"])) == ["a.c"]
    # Disks of some systems take these for one.
    alike = keras.Sequential([image(), conv(3, "Conv"), conv(3, "conv")])
    with pytest.raises(InputError, match="'conv' and 'Conv' would share the folder"):
        resolve_stages(alike, ["conv", "Conv"])


def test_outputs_that_are_no_stage():
    inputs = image()
    x = layers.Reshape((48, 16))(inputs)
    lstm = layers.LSTM(3, return_state=True, name="lstm")(x)
    model = keras.Model(inputs, lstm[0])
    with pytest.raises(InputError, match="'lstm' puts out"):
        resolve_stages(model, ["lstm"])
    assert "lstm" not in names(list_stages(model))


def test_open_image_size_is_refused():
    inputs = image(None, None, 3)
    model = keras.Model(inputs, conv(3, "conv")(inputs))
    for function in (list_stages, default_stages, lambda m: resolve_stages(m, ["conv"])):
        with pytest.raises(InputError, match="`image_size`"):
            function(model)


def test_list_has_every_layer():
    assert names(list_stages(nested())) == [
        "scale",
        "backbone.conv1",
        "backbone.pool",
        "backbone.conv2",
        "backbone",
        "gap",
        "dense",
    ]
    assert names(list_stages(twice()))[:3] == ["shared#0", "pool", "shared#1"]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("vgg6", (1, 2, 3, 4, 5)),
        ("vgg11", (2, 4, 7, 10)),
        ("vgg11a", (1, 2, 4, 6, 8)),
        ("vgg16", (2, 4, 7, 10, 13)),
        ("avgg16", (13,)),
    ],
)
def test_defaults_of_the_papers_networks(name, numbers):
    stages = default_stages(vgg(name))
    assert names(stages) == [f"layer{number}" for number in numbers]
    assert all(stage.path.endswith("_pool") for stage in stages)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("layer1_conv", "layer1_pool", "layer2_conv", "layer3_pool"), ["layer1", "layer3"]),
        (("stage1_conv", "stage1_relu", "stage2_conv"), ["stage1", "stage2"]),
    ],
)
def test_defaults_of_numbered_layers(parts, expected):
    x = inputs = image()
    for part in parts:
        x = layers.MaxPooling2D(name=part)(x) if "pool" in part else conv(2, part)(x)
    assert names(default_stages(keras.Model(inputs, x))) == expected


def test_default_is_the_last_layer_before_each_reduction():
    assert names(default_stages(nested())) == ["backbone.conv1", "backbone.conv2"]
    assert names(default_stages(twice())) == ["shared#0", "shared#1"]


def test_default_passes_over_side_branches_borders_and_padding():
    inputs = image(17, 17, 3)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 2, name="valid")(x)  # 17 to 16: a lost border is no reduction
    squeeze = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = layers.Multiply(name="excite")([x, layers.Conv2D(4, 1, name="gate")(squeeze)])
    padded = layers.ZeroPadding2D(1, name="pad")(x)
    left = layers.Conv2D(4, 3, strides=2, name="left")(padded)
    right = layers.Conv2D(4, 3, strides=2, name="right")(padded)
    x = layers.Add(name="sum")([left, right])
    x = layers.GlobalAveragePooling2D(keepdims=True, name="gap")(x)
    x = layers.Conv2D(3, 1, name="logits")(x)
    model = keras.Model(inputs, layers.Flatten()(x))
    assert names(default_stages(model)) == ["excite", "sum"]


def test_default_before_a_flatten_of_one_position():
    inputs = image(4, 4, 3)
    x = layers.MaxPooling2D(4, name="pool")(conv(5, "conv")(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    assert names(default_stages(model)) == ["conv", "pool"]


def test_default_of_a_backbone_without_a_head():
    inputs = image()
    x = layers.ReLU(name="relu")(conv(5, "conv2")(conv(4, "conv1", strides=2)(inputs)))
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.ReLU(name="end")(conv(6, "conv3")(x))
    assert names(default_stages(keras.Model(inputs, x))) == ["relu", "end"]


def test_default_of_a_model_without_positions():
    model = keras.Sequential([image(6), layers.Dense(5, name="a"), layers.ReLU(name="b")])
    with pytest.raises(InputError, match="name the `stages`"):
        default_stages(model)
    model.add(layers.Dense(3, name="c"))
    assert names(default_stages(model)) == ["b"]


def test_default_of_tokens():
    inputs = image()
    x = layers.Conv2D(6, 4, strides=4, name="patches")(inputs)
    x = layers.Reshape((16, 6), name="tokens")(x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    assert [(s.name, s.position_shape) for s in default_stages(model)] == [("norm", (16,))]


def test_defaults_of_mobilenet_v2():
    model = keras.applications.MobileNetV2((96, 96, 3), weights=None, classes=3)
    stages = {stage.name: stage.output_shape for stage in default_stages(model)}
    assert stages == {
        "block_1_expand_relu": (48, 48, 96),
        "block_3_expand_relu": (24, 24, 144),
        "block_6_expand_relu": (12, 12, 192),
        "block_13_expand_relu": (6, 6, 576),
        "out_relu": (3, 3, 1280),
    }


def test_stages_of_resnet50():
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=3)
    listed = names(list_stages(model))
    assert len(listed) == len(model.layers) - 1
    assert listed[-2:] == ["avg_pool", "predictions"]
    assert names(default_stages(model)) == [
        "conv1_relu",
        "conv2_block3_out",
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    ]
    assert resolve_stages(model, ["conv2_block1"])[0].path == "conv2_block1_out"
