"""EfficientNet-B0 against keras.applications' and torchvision's layout."""

import keras
import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.models import (
    build_efficientnet,
    default_stage_names,
    efficientnet_arguments_of,
    load_applications_weights,
    load_initial_weights,
    load_pytorch_weights,
)
from sfp_keras.probing import cut_stages, default_stages

STAGES = [f"stage{number}" for number in range(1, 10)]
THEIR_ENDS = [
    *("stem_activation", "block1a_project_bn", "block2b_add", "block3b_add", "block4c_add"),
    *("block5c_add", "block6d_add", "block7a_project_bn", "top_activation"),
]
# torchvision.models.efficientnet_b0 with 1,000 outputs has 5,288,548 parameters.
PARAMETERS = 5_288_548
SHALLOW = {3: 1, 4: 1, 5: 1, 6: 1, 7: 1}
# Of a file: one stage has more blocks than the others.
FILED = {**SHALLOW, 3: 3}


@pytest.fixture(scope="module")
def theirs():
    """keras.applications' network with weights and statistics that are not its initial ones."""
    network = keras.applications.EfficientNetB0(weights=None, input_shape=(64, 64, 3))
    random = np.random.default_rng(0)
    for layer in network.layers:
        arrays = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([a + random.uniform(0, 0.3, a.shape) for a in arrays])
        elif arrays and not isinstance(layer, keras.layers.Normalization):
            layer.set_weights([a + random.normal(0, 0.02, a.shape) for a in arrays])
    return network


@pytest.fixture(scope="module")
def ours():
    """Our network for the same 1,000 labels."""
    return build_efficientnet(
        1000,
        input_shape=(64, 64, 3),
        front=[keras.layers.Rescaling(1 / 255)],
        padding="same",
        output_bias=True,
    )


@pytest.fixture(scope="module")
def headless():
    return build_efficientnet(None, input_shape=(32, 32, 3), drop_connect=0.9)


def images(side=64, count=2):
    return np.random.default_rng(1).uniform(0, 255, (count, side, side, 3)).astype("float32")


def test_parameters_are_torchvisions(ours, headless, torch_file):
    def trainable(network):
        return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)

    assert trainable(ours) == PARAMETERS
    assert trainable(headless) == PARAMETERS - 1280 * 1000 - 1000
    # The papers' probed stages after an average pooling of 7x7.
    _, network = torch_file
    cut = cut_stages(network, default_stage_names("efficientnetb0"), "avg:7")
    shapes = [output.shape[1:] for output in cut.outputs]
    assert shapes == [(16, 16, 32), (8, 8, 24), (4, 4, 40), (2, 2, 80), (1, 1, 192), (1, 1, 1280)]


def arrays(tensors):
    # Called once, a network is sooner run than compiled.
    return [keras.ops.convert_to_numpy(tensor) for tensor in tensors]


def test_every_stage_equals_keras_applications(ours, theirs):
    load_applications_weights(ours, theirs)
    ends = [theirs.get_layer(name).output for name in THEIR_ENDS]
    want = arrays(keras.Model(theirs.input, [*ends, theirs.output])(images()))
    got = arrays(cut_stages(ours, STAGES)(images()))
    for name, a, b in zip(STAGES, got, want, strict=False):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max(), err_msg=name)
    (logits,) = arrays([ours(images())])
    shares = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(shares / shares.sum(1, keepdims=True), want[-1], rtol=1e-3)


def test_output_layer_is_left_alone_where_asked(theirs):
    ours = build_efficientnet(7, input_shape=(64, 64, 3), padding="same")
    before = ours.get_layer("output").get_weights()
    load_applications_weights(ours, theirs, output=False)
    np.testing.assert_array_equal(ours.get_layer("output").kernel, before[0])
    np.testing.assert_array_equal(
        ours.get_layer("stage9_conv").kernel, theirs.get_layer("top_conv").kernel
    )
    with pytest.raises(InputError, match=r"predictions .* output expects"):
        load_applications_weights(ours, theirs)


def torch_tensors(network):
    """The network's weights as torchvision would save them."""
    tensors = {}

    def add(name, layer):
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            tensors.update(zip((f"{name}.{p}" for p in parts), layer.get_weights(), strict=True))
            return
        kernel, *bias = layer.get_weights()
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = kernel.transpose(2, 3, 0, 1)
        elif isinstance(layer, keras.layers.Conv2D):
            kernel = kernel.transpose(3, 2, 0, 1)
        else:
            kernel = kernel.T
        tensors[f"{name}.weight"] = np.ascontiguousarray(kernel)
        if bias:
            tensors[f"{name}.bias"] = bias[0]

    inside = {"expand": "0.0", "expand_norm": "0.1"}
    for layer in network.layers:
        if not layer.weights:
            continue
        stage, _, rest = layer.name.partition("_")
        if stage == "output":
            add("classifier.1", layer)
        elif rest.startswith("block"):
            block, _, part = rest.partition("_")
            first = 0 if stage == "stage2" else 1
            parts = {
                **(inside if first else {}),
                "depthwise": f"{first}.0",
                "depthwise_norm": f"{first}.1",
                "excite_reduce": f"{first + 1}.fc1",
                "excite_expand": f"{first + 1}.fc2",
                "project": f"{first + 2}.0",
                "project_norm": f"{first + 2}.1",
            }
            place = f"features.{int(stage[5:]) - 1}.{int(block[5:]) - 1}.block.{parts[part]}"
            add(place, layer)
        else:
            add(f"features.{int(stage[5:]) - 1}.{int('norm' in rest)}", layer)
    return tensors


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory):
    from safetensors.numpy import save_file

    network = build_efficientnet(5, output_bias=True, blocks=FILED, seed=3)
    path = tmp_path_factory.mktemp("torch") / "b0.safetensors"
    save_file(torch_tensors(network), path)
    return path, network


def test_torchvisions_names_are_read(torch_file):
    path, network = torch_file
    arguments = efficientnet_arguments_of(path)
    assert arguments == {
        "num_labels": 5,
        "output_bias": True,
        "blocks": {2: 1, **FILED, 8: 1},
        "stage9": True,
    }
    other = build_efficientnet(**arguments, seed=4)
    load_pytorch_weights(other, path)
    for mine, want in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, want)


@pytest.mark.parametrize(
    ("simpler", "last"),
    [
        ({"blocks": SHALLOW}, 1280),
        pytest.param({"blocks": {**SHALLOW, 3: 2}}, 1280, marks=pytest.mark.slow),
        ({"blocks": FILED, "stage9": False}, 320),
    ],
)
def test_simplified_networks_start_from_what_they_have(torch_file, simpler, last):
    path, network = torch_file
    smaller = build_efficientnet(9, seed=4, **simpler)
    assert smaller.get_layer("top_pool").output.shape == (None, last)
    assert load_initial_weights(smaller, path) == ["output"]
    assert smaller.count_params() < network.count_params()
    for layer in smaller.layers:
        if layer.name != "output":
            for mine, want in zip(
                layer.get_weights(), network.get_layer(layer.name).get_weights(), strict=True
            ):
                np.testing.assert_array_equal(mine, want)
    names = [stage.name for stage in default_stages(smaller)]
    assert names == list(default_stage_names("efficientnetb0", **simpler))


def test_initial_weights_from_a_keras_file_by_name(tmp_path):
    blocks = {**SHALLOW, 7: 3}
    network = build_efficientnet(4, input_shape=(32, 32, 3), blocks=blocks, seed=1)
    network.save(tmp_path / "b0.keras")
    simpler = build_efficientnet(6, input_shape=(32, 32, 3), blocks={**SHALLOW, 7: 2})
    assert load_initial_weights(simpler, tmp_path / "b0.keras") == ["output"]
    np.testing.assert_array_equal(
        simpler.get_layer("stage7_block2_project").kernel,
        network.get_layer("stage7_block2_project").kernel,
    )


@pytest.mark.slow
def test_initial_weights_from_a_weights_file(tmp_path):
    network = build_efficientnet(4, input_shape=(32, 32, 3), blocks=SHALLOW, seed=1)
    network.save_weights(tmp_path / "b0.weights.h5")
    other = build_efficientnet(6, input_shape=(32, 32, 3), blocks=SHALLOW)
    output = other.get_layer("output").get_weights()
    assert load_initial_weights(other, tmp_path / "b0.weights.h5") == ["output"]
    np.testing.assert_array_equal(other.get_layer("output").kernel, output[0])
    for layer in other.layers:
        if layer.name != "output":
            for mine, want in zip(
                layer.get_weights(), network.get_layer(layer.name).get_weights(), strict=True
            ):
                np.testing.assert_array_equal(mine, want)
    deeper = build_efficientnet(6, input_shape=(32, 32, 3), blocks={**SHALLOW, 4: 2})
    with pytest.raises(InputError, match="of another network"):
        load_initial_weights(deeper, tmp_path / "b0.weights.h5")


def test_symmetric_padding_is_pytorchs(headless):
    """Where a convolution has stride 2, PyTorch pads both sides alike."""
    same = build_efficientnet(None, input_shape=(32, 32, 3), padding="same", blocks=SHALLOW)
    assert headless.get_layer("stage1_conv_norm").epsilon == 1e-5
    assert same.get_layer("stage1_conv_norm").epsilon == 1e-3
    kernel = keras.ops.convert_to_numpy(headless.get_layer("stage1_conv").kernel)
    x = images(32, 1)
    stem = keras.Model(headless.input, headless.get_layer("stage1_conv").output)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]
    want = np.einsum("nhwcij,ijco->nhwo", windows, kernel)
    np.testing.assert_allclose(stem.predict(x, verbose=0), want, rtol=1e-3, atol=1e-3)


def test_weights_are_a_function_of_the_seed():
    def weights(seed, blocks=SHALLOW):
        network = build_efficientnet(3, input_shape=(32, 32, 3), blocks=blocks, seed=seed)
        return network.get_layer("stage8_block1_project")

    first = weights(1).kernel
    np.testing.assert_array_equal(first, weights(1, {**SHALLOW, 4: 2}).kernel)
    assert not np.array_equal(first, weights(2).kernel)
    # torchvision's: normal of variance 2 / fan_out.
    deviation = keras.ops.convert_to_numpy(first).std()
    assert deviation == pytest.approx((2 / 320) ** 0.5, rel=0.02)


def test_drop_connect_only_in_training(headless):
    x = images(32, 8)
    np.testing.assert_array_equal(headless(x), headless(x))
    block = headless.get_layer("stage7_block4_drop")
    dropped = keras.ops.convert_to_numpy(block(np.ones((64, 2, 2, 3), "float32"), training=True))
    kept = dropped.reshape(64, -1)
    assert (kept == kept[:, :1]).all()  # a whole image's block or nothing
    assert 0 < (kept[:, 0] == 0).sum() < 64
    rates = [layer.rate for layer in headless.layers if layer.name.endswith("_drop")]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.9 * 14 / 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": {1: 2}}, "names stage 1, but only stages 2 to 8"),
        ({"blocks": {3: 0}}, "of stage 3 must be 1 to 100"),
        ({"padding": "valid"}, "symmetric or same, not 'valid'"),
        ({"input_shape": (16, 16, 3)}, "at least 32x32 pixels.*`enlarge`"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        build_efficientnet(3, **arguments)


def test_no_network_to_download_from(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(
        "sfp_keras.models.weights.applications.first_unreachable_host", lambda urls: "host"
    )
    network = build_efficientnet(3, input_shape=(32, 32, 3), padding="same", blocks=SHALLOW)
    with pytest.raises(InputError, match=r"cannot be downloaded.*efficientnetb0_notop.h5 into"):
        load_initial_weights(network, "imagenet")
    with pytest.raises(InputError, match=r"nowhere.h5 does not exist"):
        load_initial_weights(network, tmp_path / "nowhere.h5")
    (tmp_path / "broken.h5").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"not those of keras.applications"):
        load_initial_weights(network, tmp_path / "broken.h5")
