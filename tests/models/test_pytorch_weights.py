"""Weights with PyTorch's names and axis orders, from files as PyTorch's users write them."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError
from sfp_keras.models import (
    build_vgg,
    load_initial_weights,
    load_pytorch_weights,
    vgg_arguments_of,
)

FILTERS = {1: 4, 2: 3, 3: 5, 4: 4, 5: 6}


def torch_vgg6(*, batch_norm=True, conv_bias=True, fc_widths=(7, 5), output_bias=False, side=1):
    """Write what a PyTorch VGG-6 in two Sequentials would save."""
    random = np.random.default_rng(3)
    tensors, index, channels = {}, 0, 3

    def add(name, *shape):
        tensors[name] = random.normal(size=shape).astype("float32")

    for filters in FILTERS.values():
        add(f"features.{index}.weight", filters, channels, 3, 3)
        if conv_bias:
            add(f"features.{index}.bias", filters)
        if batch_norm:
            index += 1
            for part in ("weight", "bias", "running_mean", "running_var"):
                add(f"features.{index}.{part}", filters)
            tensors[f"features.{index}.running_var"] **= 2
            tensors[f"features.{index}.num_batches_tracked"] = np.array(9)
        index += 3
        channels = filters
    channels *= side * side
    for number, width in enumerate((*fc_widths, 2)):
        add(f"classifier.{2 * number}.weight", width, channels)
        if number < len(fc_widths) or output_bias:
            add(f"classifier.{2 * number}.bias", width)
        channels = width
    return tensors


def torch_forward(tensors, images):
    """Run the file's network in NumPy with PyTorch's axis orders: (N, C, H, W)."""
    x = images.transpose(0, 3, 1, 2)
    names = sorted({n.rpartition(".")[0] for n in tensors}, key=lambda n: int(n.split(".")[1]))
    for name in (n for n in names if n.startswith("features")):
        part = {n.rpartition(".")[2]: t for n, t in tensors.items() if n.startswith(f"{name}.")}
        weight = part["weight"]
        if weight.ndim == 4:
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
            x = np.einsum("nchwij,ocij->nohw", windows, weight)
            x += part.get("bias", np.zeros(len(weight)))[:, None, None]
            last = f"features.{int(name.split('.')[1]) + 1}.running_mean" not in tensors
        else:
            scale = weight / np.sqrt(part["running_var"] + 1e-5)
            shift = part["bias"] - part["running_mean"] * scale
            x = x * scale[:, None, None] + shift[:, None, None]
            last = True
        if last:
            n, c, h, w = x.shape
            x = np.maximum(x, 0).reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
    x = x.reshape(len(x), -1)
    for name in (n for n in names if n.startswith("classifier")):
        x = x @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", 0)
    return x


def saved(tmp_path, tensors):
    path = tmp_path / "net.safetensors"
    save_file(tensors, path)
    return path


def vgg6(path=None, **arguments):
    arguments = {"num_labels": 2, "fc_widths": (7, 5), "filters": FILTERS, **arguments}
    return build_vgg("vgg6", **{**arguments, **(vgg_arguments_of(path) if path else {})})


@pytest.mark.parametrize("names", [("fc1", "fc2", "classifier"), ("mlp.0", "mlp.2", "head")])
@pytest.mark.parametrize("widths", [(7, 5), (6, 6)], ids=str)
def test_the_output_layer_is_the_last_whatever_it_is_called(tmp_path, names, widths):
    numbered = torch_vgg6(fc_widths=widths)
    tensors = {}
    for name, tensor in numbered.items():
        for number, other in enumerate(names):
            name = name.replace(f"classifier.{2 * number}.", f"{other}.")
        tensors[name] = tensor
    path = saved(tmp_path, tensors)
    assert vgg_arguments_of(path)["fc_widths"] == widths
    images = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")
    model = vgg6(path)
    load_pytorch_weights(model, path)
    expected = torch_forward(numbered, images)
    np.testing.assert_allclose(model(images), expected, rtol=1e-4, atol=1e-4)

    body = vgg6(num_labels=4, fc_widths=widths)
    load_pytorch_weights(body, path, output=False)
    for layer in ("fc1", "fc2"):
        for one, other in zip(
            body.get_layer(layer).weights, model.get_layer(layer).weights, strict=True
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "side"),
    [
        ({}, 1),
        ({"conv_bias": False, "fc_widths": ()}, 1),
        ({"batch_norm": False, "output_bias": True}, 1),
        ({"fc_widths": (4,)}, 2),
        ({"fc_widths": ()}, 3),
    ],
)
def test_the_network_computes_what_the_file_says(tmp_path, arguments, side):
    tensors = torch_vgg6(**arguments, side=side)
    path = saved(tmp_path, tensors)
    model = vgg6(path, input_shape=(32 * side, 32 * side, 3))
    load_pytorch_weights(model, path)
    images = np.random.default_rng(1).normal(size=(2, 32 * side, 32 * side, 3)).astype("float32")
    expected = torch_forward(tensors, images)
    # Called once, a network is sooner run than compiled.
    got = model(images)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_any_numbering_and_float_type(tmp_path):
    tensors = torch_vgg6()
    path = saved(tmp_path, tensors)
    model, other = vgg6(path), vgg6(path)
    load_pytorch_weights(model, path)
    # As nn.DataParallel names them, with other numbers, in half precision.
    renamed = {}
    for name, tensor in tensors.items():
        group, index, part = name.split(".")
        renamed[f"module.{group}.{int(index) * 7 + 2}.{part}"] = tensor.astype("float16")
    load_pytorch_weights(other, saved(tmp_path, renamed))
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_arguments_seen_in_a_file(tmp_path):
    path = saved(tmp_path, torch_vgg6(conv_bias=False, fc_widths=(9, 4), output_bias=True))
    assert vgg_arguments_of(path) == {
        "num_labels": 2,
        "conv_bias": False,
        "batch_norm": True,
        "fc_widths": (9, 4),
        "output_bias": True,
    }


@pytest.mark.parametrize(
    ("file", "model", "words"),
    [
        ({"conv_bias": False}, {}, r"features\.0\.bias is not in the file.*`conv_bias`=false"),
        ({}, {"conv_bias": False}, r"features\.0\.bias of shape \(4,\).*`conv_bias`=true"),
        ({"batch_norm": False}, {}, "layer1_norm has no tensor.*`batch_norm`=False"),
        ({}, {"batch_norm": False}, r"features\.1\.weight of shape \(4,\).*`batch_norm`=True"),
        ({"fc_widths": (7,)}, {}, "2 linear.*3.*`fc_widths`=7$"),
        ({"fc_widths": (7, 6)}, {}, r"classifier\.2\.weight.*\(6, 7\).*\(5, 7\).*`fc_widths`.* 6"),
        ({"output_bias": True}, {}, r"classifier\.4\.bias of shape \(2,\).*`output_bias`=True"),
        ({}, {"output_bias": True}, r"classifier\.4\.bias is not.*`output_bias`=False"),
        ({}, {"num_labels": 3}, r"classifier\.4\.weight.*\(2, 5\).*\(3, 5\).*2 labels"),
        ({"side": 2}, {}, r"classifier\.0\.weight.*\(7, 24\).*\(7, 6\).*`image_size`"),
        ({}, {"filters": {}}, r"features\.0\.weight.*\(4, 3, 3, 3\).*\(64, 3, 3, 3\).*filters"),
    ],
)
def test_mismatches_name_tensor_shape_and_mend(tmp_path, file, model, words):
    path = saved(tmp_path, torch_vgg6(**file))
    network = vgg6(**model)
    before = network.get_weights()
    with pytest.raises(InputError, match=words) as error:
        load_pytorch_weights(network, path)
    assert "\n" not in str(error.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


@pytest.mark.parametrize(("of_file", "mend"), [((6,), "6"), ((6, 5), "6,5"), ((), "none")])
def test_the_widths_named_fit_initial_weights(tmp_path, of_file, mend):
    path = saved(tmp_path, torch_vgg6(fc_widths=of_file))
    with pytest.raises(InputError, match=f"set `fc_widths`={mend}$"):
        load_initial_weights(vgg6(fc_widths=(4, 4, 4)), path)
    named = tuple(int(text) for text in mend.split(",") if text != "none")
    assert load_initial_weights(vgg6(fc_widths=named), path) == ["output"]


def test_another_depth_is_refused(tmp_path):
    path = saved(tmp_path, torch_vgg6())
    with pytest.raises(InputError, match=r"5 convolution modules.*8.*layer6_conv.*`model`"):
        load_pytorch_weights(build_vgg("vgg11a", 2, fc_widths=(7, 5)), path)


def test_incomplete_batch_norm_is_refused(tmp_path):
    tensors = torch_vgg6()
    del tensors["features.1.running_var"]
    with pytest.raises(InputError, match=r"features\.1\.running_var is not in the file"):
        load_pytorch_weights(vgg6(), saved(tmp_path, tensors))


@pytest.mark.parametrize(
    ("name", "shape"), [("cls_token", (1, 1, 8)), ("features.0.gamma", (4,)), ("weight", (2, 3, 4))]
)
def test_unknown_tensors_are_refused(tmp_path, name, shape):
    tensors = {**torch_vgg6(), name: np.zeros(shape, "float32")}
    with pytest.raises(InputError, match=f"tensor {name} of shape"):
        load_pytorch_weights(vgg6(), saved(tmp_path, tensors))


def test_damaged_and_missing_files(tmp_path):
    path = saved(tmp_path, torch_vgg6())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"net\.safetensors is not a whole safetensors file"):
        load_pytorch_weights(vgg6(), path)
    with pytest.raises(InputError, match="does not exist"):
        load_pytorch_weights(vgg6(), tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="no VGG"):
        vgg_arguments_of(saved(tmp_path, {"fc.weight": np.zeros((2, 3), "float32")}))


def test_layers_of_other_kinds_are_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.SeparableConv2D(2, 3, name="sep")(inputs))
    with pytest.raises(InputError, match=r"'sep'.*SeparableConv2D"):
        load_pytorch_weights(model, saved(tmp_path, torch_vgg6()))


@pytest.mark.parametrize(
    "flatten",
    [
        layers.Flatten(),
        layers.Reshape((-1,)),
        lambda x: layers.Flatten()(layers.Permute((3, 1, 2))(x)),
        lambda x: layers.Flatten()(layers.AveragePooling2D(1)(keras.ops.swapaxes(x, 1, 2))),
    ],
    ids=["flatten", "reshape", "filters first", "columns first"],
)
def test_flatten_before_dropout_is_seen(tmp_path, flatten):
    inputs = keras.Input((2, 3, 3))
    x = flatten(layers.Conv2D(5, 1, use_bias=False)(inputs))
    model = keras.Model(inputs, layers.Dense(4, use_bias=False)(layers.Dropout(0.5)(x)))
    random = np.random.default_rng(0)
    conv, linear = random.normal(size=(5, 3, 1, 1)), random.normal(size=(4, 30))
    load_pytorch_weights(
        model, saved(tmp_path, {"a.weight": conv.astype("float32"), "b.weight": linear})
    )
    image = random.normal(size=(1, 2, 3, 3)).astype("float32")
    maps = np.einsum("nhwc,oc->nohw", image, conv[:, :, 0, 0])
    expected = maps.reshape(1, -1) @ linear.T
    np.testing.assert_allclose(model(image), expected, rtol=1e-4, atol=1e-5)


PLACES = [
    Path(place)
    for place in (os.environ.get("SFP_DATA_DIR"), Path(__file__).parents[3] / "shared")
    if place
]


def trained_vgg16():
    for place in PLACES:
        path = place / "models" / "vgg16_cifar100.safetensors"
        if path.exists():
            model = build_vgg("vgg16", fc_activation="relu", **vgg_arguments_of(path))
            load_pytorch_weights(model, path)
            return model
    return pytest.skip("no models/vgg16_cifar100.safetensors under SFP_DATA_DIR or ../shared")


def test_a_trained_vgg16_fits():
    model = trained_vgg16()
    assert model.count_params() == 15_303_872
    assert [model.get_layer(name).units for name in ("fc1", "fc2", "output")] == [512, 512, 100]
    assert not model.get_layer("layer1_conv").use_bias


def test_a_trained_vgg16_knows_cifar100():
    place = next((place for place in PLACES if (place / "cifar-100-python").is_dir()), None)
    if place is None:
        pytest.skip("no cifar-100-python/ in the folder that SFP_DATA_DIR names")
    test = load_dataset("cifar100", place).test
    images = test.read(np.arange(400)).astype("float32") / 127.5 - 1
    logits = trained_vgg16().predict(images, batch_size=100, verbose=0)
    # 0.6901 on all 10,000; 400 images tell it to within 0.07 (three standard deviations).
    assert np.mean(logits.argmax(1) == test.labels[:400]) == pytest.approx(0.69, abs=0.07)


def dense(rng, out, inputs):
    return {"weight": rng.normal(size=(out, inputs)).astype("float32"), "bias": np.zeros(out, "f")}


def file_of(tmp_path, modules):
    tensors = {f"{name}.{part}": t for name, of in modules.items() for part, t in of.items()}
    return saved(tmp_path, tensors)


def test_an_image_is_flattened_as_pytorch_does(tmp_path):
    rng = np.random.default_rng(0)
    first = dense(rng, 4, 2 * 3 * 3)
    image = keras.Input((2, 3, 3))
    x = layers.Flatten()(layers.Rescaling(2.0)(image))
    model = keras.Model(image, layers.Dense(4, name="fc")(x))
    load_pytorch_weights(model, file_of(tmp_path, {"fc": first}))
    images = rng.normal(size=(5, 2, 3, 3)).astype("float32")
    expected = 2 * images.transpose(0, 3, 1, 2).reshape(5, -1) @ first["weight"].T
    np.testing.assert_allclose(model.predict_on_batch(images), expected, rtol=1e-4, atol=1e-5)


def test_flattened_maps_are_joined_as_pytorch_does(tmp_path):
    rng = np.random.default_rng(1)
    image = keras.Input((2, 2, 3))
    means = layers.GlobalAveragePooling2D()(image)
    other = layers.Dropout(0.5)(layers.Flatten()(layers.ReLU()(image)))
    norm = layers.BatchNormalization(epsilon=0.0, name="norm")
    x = layers.Concatenate()([norm(layers.Flatten()(image)), means, other])
    model = keras.Model(image, layers.Dense(4, name="fc")(x))
    first = dense(rng, 4, 12 + 3 + 12)
    parts = ("weight", "bias", "running_mean", "running_var")
    of_norm = {part: rng.uniform(1, 2, 12).astype("f") for part in parts}
    load_pytorch_weights(model, file_of(tmp_path, {"fc": first, "norm": of_norm}))
    images = rng.normal(size=(5, 2, 2, 3)).astype("float32")
    moved = images.transpose(0, 3, 1, 2).reshape(5, -1)
    scaled = (moved - of_norm["running_mean"]) / np.sqrt(of_norm["running_var"])
    normed = scaled * of_norm["weight"] + of_norm["bias"]
    inputs = np.concatenate([normed, images.mean((1, 2)), np.maximum(moved, 0)], axis=1)
    expected = inputs @ first["weight"].T
    np.testing.assert_allclose(model.predict_on_batch(images), expected, rtol=1e-4, atol=1e-5)


def test_layers_of_one_name_are_told_apart(tmp_path):
    rng = np.random.default_rng(2)
    image = keras.Input((2, 2, 3))
    maps = keras.Sequential(
        [keras.Input((2, 2, 3)), layers.Flatten(), layers.Dense(4, name="fc")], name="a"
    )
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="fc")], name="b")
    model = keras.Model(image, flat(maps(image)))
    modules = {"0": dense(rng, 4, 12), "1": dense(rng, 4, 4)}
    load_pytorch_weights(model, file_of(tmp_path, modules))
    np.testing.assert_array_equal(flat.layers[-1].kernel, modules["1"]["weight"].T)


def test_mends_name_what_the_network_has(tmp_path):
    image = keras.Input((2, 2, 3))
    model = keras.Model(image, layers.Dense(4, use_bias=False)(layers.Flatten()(image)))
    rng = np.random.default_rng(3)
    two = {"0": dense(rng, 5, 12), "1": dense(rng, 4, 5)}
    for modules in ({"0": dense(rng, 4, 12)}, {"0": {"weight": np.zeros((4, 8), "f")}}, two):
        with pytest.raises(InputError, match=r"\(`model`\)|give the layer one") as error:
            load_pytorch_weights(model, file_of(tmp_path, modules))
        for option in ("fc_widths", "output_bias", "filters"):
            assert option not in str(error.value)
