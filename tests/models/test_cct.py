"""Compact convolutional transformers: shapes, first weights, options, and files of PyTorch's."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.special import erf

from sfp_keras import build_network
from sfp_keras.errors import InputError
from sfp_keras.layers.position_embedding import sine_positions
from sfp_keras.models import default_stage_names, load_initial_weights, load_weights
from sfp_keras.models.weights.cct_files import cct_arguments

RNG = np.random.default_rng(0)
SMALL = {"token_width": 12, "attention_heads": 3, "ff_width": 10}


@pytest.fixture(scope="module")
def cct7():
    return build_network("cct7_3x1", 10, seed=3)


@pytest.mark.parametrize(
    ("name", "labels", "shape", "parameters"),
    [
        ("cct7_3x1", 100, (32, 32, 3), 3_783_269),
        pytest.param("cct7_7x2", 102, (224, 224, 3), 4_573_735, marks=pytest.mark.slow),
        ("cct2_3x2", 10, (32, 32, 3), 283_723),
        pytest.param("cct4_3x2", 10, (32, 32, 3), 482_123, marks=pytest.mark.slow),
    ],
)
def test_parameters_are_those_published(name, labels, shape, parameters) -> None:
    network = build_network(name, labels, input_shape=shape)
    assert network.count_params() == parameters
    assert network.output_shape == (None, labels)


def test_shapes_are_those_published(cct7) -> None:
    assert cct7.count_params() == 3_760_139
    for name, width in (("heads", 256), ("projection", 256), ("ff1", 512), ("ff2", 256)):
        assert cct7.get_layer(f"encoder7_{name}").output.shape == (None, 256, width)
    assert cct7.get_layer("encoder1_heads").num_heads == 4
    assert cct7.get_layer("pooling").output.shape == (None, 256)
    network = build_network("cct7_7x2", 5, input_shape=(224, 224, 3), encoders=1)
    assert network.get_layer("token1_pool").output.shape == (None, 56, 56, 64)
    assert network.get_layer("token2_conv").output.shape == (None, 28, 28, 256)
    assert network.get_layer("tokens").output.shape == (None, 196, 256)


def test_the_second_norm_takes_the_place_of_the_tokens() -> None:
    network = build_network("cct2_3x2", 3, input_shape=(8, 8, 3))
    read = {
        layer.name: [tensor._keras_history.operation.name for tensor in layer.input]
        for layer in network.layers
        if isinstance(layer, keras.layers.Add)
    }
    assert read["encoder1_add1"] == ["position", "encoder1_projection"]
    assert read["encoder1_add2"] == ["encoder1_norm2", "encoder1_ff2"]
    assert read["encoder2_add1"] == ["encoder1_add2", "encoder2_drop_path1"]


def test_first_weights_and_rates_are_those_published(cct7) -> None:
    deviations = {
        "token1_conv": np.sqrt(2 / 27),
        "position": 0.2,
        **dict.fromkeys(("encoder3_heads", "encoder7_ff1", "encoder1_projection"), 0.02),
        **dict.fromkeys(("pooling", "output"), 0.02),
    }
    for name, deviation in deviations.items():
        weights, *biases = cct7.get_layer(name).get_weights()
        assert weights.std() == pytest.approx(deviation, rel=3 / np.sqrt(2 * weights.size)), name
        assert not any(bias.any() for bias in biases)
    assert not np.array_equal(
        cct7.get_layer("encoder1_ff1").get_weights()[0],
        cct7.get_layer("encoder2_ff1").get_weights()[0],
    )
    rates = [cct7.get_layer(f"encoder{i}_drop_path2").rate for i in range(2, 8)]
    np.testing.assert_allclose(rates, np.linspace(0, 0.1, 7)[1:])
    assert {cct7.get_layer(f"encoder{i}_heads").dropout for i in range(1, 8)} == {0.1}
    assert cct7.get_layer("encoder1_norm2").epsilon == 1e-5


def test_stages_are_heads_and_feed_forward_outputs() -> None:
    assert default_stage_names("cct2_3x2") == (
        *("encoder1_heads", "encoder1_ff2", "encoder2_heads", "encoder2_ff2"),
    )
    assert default_stage_names("cct4_3x2", front_convolutions=2, encoders=3) == (
        *("encoder3_heads", "encoder3_ff2"),
    )


@pytest.mark.parametrize("convolutions", [1, 2])
def test_convolutions_replace_the_first_encoders(convolutions) -> None:
    network = build_network("cct4_3x2", 3, front_convolutions=convolutions, **SMALL)
    names = [layer.name for layer in network.layers]
    for number in range(1, 5):
        replaced = number <= convolutions
        assert (f"conv{number}_relu" in names) == replaced
        assert (f"encoder{number}_heads" in names) != replaced
    kept = network.get_layer("conv1_conv")
    assert kept.kernel.shape == (3, 3, 12, 12)
    assert names.index("conv1_relu") < names.index("tokens") < names.index("position")


def test_heads_and_widths_are_free() -> None:
    network = build_network("cct2_3x2", 3, attention_heads=32, position_embedding="sine")
    heads = network.get_layer("encoder2_heads")
    assert (heads.num_heads, heads.head_size) == (32, 4)
    assert not network.get_layer("position").trainable_weights
    assert network.count_params() == build_network("cct2_3x2", 3).count_params()
    wide = build_network("cct2_3x2", 3, token_width=8, encoders=1)
    assert wide.get_layer("encoder1_ff1").units == wide.get_layer("token2_conv").filters == 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attention_heads": 3}, "`attention_heads`=3 does not divide the 128 nodes"),
        ({"front_convolutions": 2}, "`front_convolutions`=2 leaves none of the 2 encoders"),
        ({"position_embedding": "none"}, "`position_embedding`=none must be one of learned, sine"),
        ({"input_shape": (None, 32, 3)}, "each must be a whole number from 1, not None"),
    ],
)
def test_what_cannot_be_built_is_refused(options, words) -> None:
    with pytest.raises(InputError, match=words):
        build_network("cct2_3x2", 3, **options)


def state_dict(encoders, kernel, convolutions, tokens, width=12, ff=10, labels=3):
    """What the public code's `state_dict()` has."""
    shapes, channels = {}, 3
    for number in range(convolutions):
        filters = width if number == convolutions - 1 else 64
        name = f"tokenizer.conv_layers.{number}.0.weight"
        shapes[name], channels = (filters, channels, kernel, kernel), filters
    shapes["classifier.positional_emb"] = (1, tokens, width)
    for number in range(encoders):
        block = f"classifier.blocks.{number}"
        for norm in ("pre_norm", "norm1"):
            shapes |= {f"{block}.{norm}.{part}": (width,) for part in ("weight", "bias")}
        shapes[f"{block}.self_attn.qkv.weight"] = (3 * width, width)
        for linear, sizes in (("self_attn.proj", (width, width)), ("linear1", (ff, width))):
            shapes |= {f"{block}.{linear}.weight": sizes, f"{block}.{linear}.bias": sizes[:1]}
        shapes |= {f"{block}.linear2.weight": (width, ff), f"{block}.linear2.bias": (width,)}
    shapes |= {f"classifier.norm.{part}": (width,) for part in ("weight", "bias")}
    for linear, units in (("attention_pool", 1), ("fc", labels)):
        shapes[f"classifier.{linear}.weight"] = (units, width)
        shapes[f"classifier.{linear}.bias"] = (units,)
    return {name: RNG.normal(0, 0.5, shape).astype("float32") for name, shape in shapes.items()}


def windows(x, size, stride, padding):
    """(C, rows, columns, size, size) of a padded (C, H, W)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)), constant_values=-np.inf)
    found = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return found[:, ::stride, ::stride]


def forward(state, image, heads):
    """The public code's network in NumPy: one image (H, W, C), PyTorch's axis orders."""

    def linear(name, x):
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    def norm(name, x):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return linear_scale(name) * (x - mean) / np.sqrt(variance + 1e-5) + state[f"{name}.bias"]

    def linear_scale(name):
        return state[f"{name}.weight"]

    def softmax(x):
        powers = np.exp(x - x.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    x = image.transpose(2, 0, 1)
    for name in sorted(name for name in state if name.startswith("tokenizer")):
        kernel = state[name]
        size = kernel.shape[-1]
        patches = windows(x, size, 1 if size == 3 else 2, size // 2)
        x = np.einsum("chwij,ocij->ohw", np.where(np.isinf(patches), 0, patches), kernel)
        x = windows(np.maximum(x, 0), 3, 2, 1).max((3, 4))
    x = x.reshape(len(x), -1).T + state["classifier.positional_emb"][0]
    for block in sorted({name.split(".")[2] for name in state if ".blocks." in name}):
        block = f"classifier.blocks.{block}"
        queries, keys, values = np.split(
            linear(f"{block}.self_attn.qkv", norm(f"{block}.pre_norm", x)), 3, axis=-1
        )
        outputs = []
        for columns in np.split(np.arange(x.shape[1]), heads):
            scores = queries[:, columns] @ keys[:, columns].T / np.sqrt(len(columns))
            outputs.append(softmax(scores) @ values[:, columns])
        x = x + linear(f"{block}.self_attn.proj", np.concatenate(outputs, axis=-1))
        x = norm(f"{block}.norm1", x)
        inner = linear(f"{block}.linear1", x)
        x = x + linear(f"{block}.linear2", inner * (1 + erf(inner / np.sqrt(2))) / 2)
    x = norm("classifier.norm", x)
    weights = softmax(linear("classifier.attention_pool", x)[:, 0])
    return linear("classifier.fc", weights @ x)


@pytest.mark.parametrize(
    ("name", "size", "kernel", "convolutions", "tokens", "parallel"),
    [
        ("cct2_3x2", 10, 3, 2, 9, False),
        ("cct7_7x2", 33, 7, 2, 9, True),
        ("cct7_3x1", 6, 3, 1, 9, False),
    ],
)
def test_the_network_computes_what_the_file_says(
    tmp_path, name, size, kernel, convolutions, tokens, parallel
) -> None:
    state = state_dict(2, kernel, convolutions, tokens)
    path = tmp_path / "cct.safetensors"
    save_file({f"module.{key}" if parallel else key: state[key] for key in state}, path)
    arguments = cct_arguments(str(path), True)
    labels = arguments.pop("num_labels")
    assert (labels, arguments["encoders"], arguments["token_width"]) == (3, 2, 12)
    network = build_network(
        name, labels, input_shape=(size, size, 3), attention_heads=3, **arguments
    )
    load_weights(network, path)
    images = RNG.normal(size=(2, size, size, 3)).astype("float32")
    expected = [forward(state, image, 3) for image in images]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(network(images)), expected, rtol=1e-3, atol=1e-4
    )


def test_files_of_sine_positions_and_for_other_labels(tmp_path) -> None:
    state = state_dict(2, 3, 2, 4)
    state["classifier.positional_emb"] = sine_positions(4, 12)[None] + np.float32(1e-5)
    path = tmp_path / "cct.safetensors"
    save_file(state, path)
    assert cct_arguments(str(path), True)["position_embedding"] == "sine"
    assert cct_arguments(str(path), False) == {}
    network = build_network("cct2_3x2", 7, input_shape=(8, 8, 3), **SMALL)
    before = network.get_layer("output").get_weights()
    assert load_initial_weights(network, path) == ["output"]
    for mine, kept in zip(network.get_layer("output").get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)
    np.testing.assert_array_equal(
        network.get_layer("encoder2_heads").get_weights()[0],
        state["classifier.blocks.1.self_attn.qkv.weight"].T,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda state: state.pop("classifier.blocks.1.norm1.bias"),
            "norm1.bias is not in the file",
        ),
        (
            lambda state: state.update({"classifier.blocks.0.self_attn.qkv.bias": np.zeros(36)}),
            r"self_attn.qkv.bias of shape \(36,\) belongs to no layer of 'cct2_3x2'",
        ),
        (
            lambda state: state.update({"classifier.positional_emb": np.zeros((1, 9, 12))}),
            r"positional_emb has shape \(1, 9, 12\), but layer position expects \(1, 4, 12\)",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused_and_change_nothing(tmp_path, change, words) -> None:
    state = state_dict(2, 3, 2, 4)
    change(state)
    save_file(state, tmp_path / "cct.safetensors")
    network = build_network("cct2_3x2", 3, input_shape=(8, 8, 3), **SMALL)
    before = network.get_weights()
    with pytest.raises(InputError, match=words):
        load_weights(network, tmp_path / "cct.safetensors")
    assert all(map(np.array_equal, before, network.get_weights()))


def test_files_of_other_networks_are_refused(tmp_path) -> None:
    save_file({"features.0.weight": np.zeros((2, 3, 3, 3), "float32")}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="so it is no compact transformer's file"):
        cct_arguments(str(tmp_path / "x.safetensors"), True)
    odd = state_dict(2, 3, 2, 4)
    name = "classifier.fc.weight"
    save_file({**odd, name: odd[name].reshape(-1)}, tmp_path / "z.safetensors")
    with pytest.raises(InputError, match="with two axes, so it is no compact transformer's file"):
        cct_arguments(str(tmp_path / "z.safetensors"), True)
    save_file({**odd, name: np.zeros((0, 12), "f4")}, tmp_path / "z.safetensors")
    with pytest.raises(InputError, match="so it is no compact transformer's file"):
        cct_arguments(str(tmp_path / "z.safetensors"), True)
    save_file({**odd, "classifier.blocks.x.w": np.zeros(1, "f4")}, tmp_path / "z.safetensors")
    assert cct_arguments(str(tmp_path / "z.safetensors"), True)["encoders"] == 2
    network = build_network("cct4_3x2", 3, input_shape=(8, 8, 3), front_convolutions=1, **SMALL)
    save_file(state_dict(4, 3, 2, 4), tmp_path / "y.safetensors")
    with pytest.raises(InputError, match="have no layer of this kind, but layer conv1_conv"):
        load_weights(network, tmp_path / "y.safetensors")
