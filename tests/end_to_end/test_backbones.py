"""Networks of keras.applications, KerasCV and KerasHub, stages named by their layers."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_files import contents, differing

NETWORKS = """
import keras


def resnet50():
    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=3)


def cv_backbone():
    import keras_cv

    keras.utils.set_random_seed(0)
    return keras_cv.models.MobileNetV3Backbone(
        stackwise_expansion=[1, 4],
        stackwise_filters=[8, 16],
        stackwise_kernel_size=[3, 5],
        stackwise_stride=[2, 2],
        stackwise_se_ratio=[0.25, None],
        stackwise_activation=["relu", "hard_swish"],
        include_rescaling=True,
    )


def hub_classifier():
    import keras_hub

    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(32, 32, 3),
        name="backbone",
    )
    preprocessor = keras_hub.models.ResNetImageClassifierPreprocessor(
        keras_hub.layers.ResNetImageConverter(image_size=(32, 32), scale=-1.0)
    )
    return keras_hub.models.ResNetImageClassifier(
        backbone=backbone, num_classes=3, preprocessor=preprocessor
    )
"""


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module of small networks that is found from here."""
    (tmp_path / "small_networks.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield "small_networks"
    sys.modules.pop("small_networks", None)


def images(folder: Path) -> np.ndarray:
    """The test images, those of one class after another."""
    from PIL import Image

    files = sorted((folder / "test").rglob("*.png"))
    return np.stack([np.asarray(Image.open(file), np.float32) for file in files])


def features(run: Path, stage: str) -> np.ndarray:
    with np.load(run / f"stages/{stage}/test/fields.npz", allow_pickle=False) as fields:
        return fields["features"]


# The guide own_network.md lists its stages every day.
@pytest.mark.slow
def test_resnet50(probe: Callable, networks: str, tmp_path: Path, colour_folder: Path) -> None:
    """A stage inside and the last; what is measured is what Keras itself computes there."""
    import keras

    text = probe(
        *("--stages=conv4_block6_out,avg_pool", "--run_dir=run", "--head_epochs=1"),
        "--scaling=keras.applications.resnet50:preprocess_input",
        model=f"{networks}:resnet50",
    )
    assert "network: test accuracy" in text
    layers = pd.read_csv(tmp_path / "run/layers.csv")
    assert layers["stage"].tolist() == ["conv4_block6_out", "avg_pool"]
    assert layers["filters"].tolist() == [1024, 2048]
    assert layers["outputs_per_filter"].tolist() == [4, 1]

    network = importlib.import_module(networks).resnet50()
    inside = keras.Model(network.input, network.get_layer("conv4_block6_out").output)
    scaled = keras.applications.resnet50.preprocess_input(images(colour_folder))
    outputs = np.asarray(inside(scaled)).reshape(3, 4, 4, 1024)  # labels, images, P, F
    found = features(tmp_path / "run", "conv4_block6_out")
    np.testing.assert_allclose(found, outputs.mean(axis=1), rtol=1e-4, atol=1e-5)


def test_a_backbone_of_keras_cv(
    probe: Callable, networks: str, tmp_path: Path, colour_folder: Path
) -> None:
    """Of any image size, without a head, and with layers that have no names of their own."""
    import keras

    pytest.importorskip("keras_cv", reason="KerasCV is not installed (pip install '.[cv]')")
    keras.utils.clear_session()  # As in a fresh command, names of layers begin without numbers.
    flags = ("--image_size=32", "--scaling=0..255", "--run_dir=run", "--head_epochs=1")
    text = probe(*flags, model=f"{networks}:cv_backbone")
    assert "its 96 outputs are not the 3 labels" in text
    layers = pd.read_csv(tmp_path / "run/layers.csv")
    assert layers["outputs_per_filter"].tolist() == [16 * 16, 8 * 8, 4 * 4]
    assert layers["filters"].tolist() == [16, 32, 96]

    # The last stage is the backbone's output.
    network = importlib.import_module(networks).cv_backbone()
    outputs = np.asarray(network(images(colour_folder))).reshape(3, 4, 16, 96)
    found = features(tmp_path / "run", layers["stage"].iloc[-1])
    np.testing.assert_allclose(found, outputs.mean(axis=1), rtol=1e-4, atol=1e-5)

    # A later command finds the same stages again.
    before = contents(tmp_path / "run")
    keras.utils.clear_session()
    probe(*flags, f"--stages={','.join(layers['stage'])}", model=f"{networks}:cv_backbone")
    assert not differing(contents(tmp_path / "run"), before)


def test_a_classifier_of_keras_hub(
    probe: Callable, networks: str, tmp_path: Path, colour_folder: Path
) -> None:
    """Stages by path; --scaling alone scales, not the classifier's own preprocessor."""
    import keras

    pytest.importorskip("keras_hub", reason="KerasHub is not installed (pip install '.[cv]')")
    model = f"{networks}:hub_classifier"
    flags = ("--scaling=0..1", "--run_dir=run", "--head_epochs=1", "--stages=backbone/conv1_relu")
    listed = probe(*flags, "--list_stages", model=model)
    assert re.search(r"\* backbone\.conv1_relu +│ +16x16x64 ", listed)
    assert re.search(r"  backbone +│ +4x4x64 ", listed)

    text = probe(*flags, model=model)
    network = importlib.import_module(networks).hub_classifier()
    scaled = images(colour_folder) / 255
    right = np.asarray(network(scaled)).argmax(-1) == np.repeat([0, 1, 2], 4)
    assert f"network: test accuracy {right.mean():.4f}" in text
    backbone = network.backbone
    inside = keras.Model(backbone.input, backbone.get_layer("conv1_relu").output)
    outputs = np.asarray(inside(scaled)).reshape(3, 4, 256, 64)
    found = features(tmp_path / "run", "backbone.conv1_relu")
    np.testing.assert_allclose(found, outputs.mean(axis=1), rtol=1e-4, atol=1e-5)

    afcc = ("--mode=afcc", "--afcc_stage=backbone", "--afcc_trainable=head", "--afcc_epochs=1")
    probe(*flags, *afcc, "--afcc_variants=clusters", model=model)
    assert pd.read_csv(tmp_path / "run/afcc/backbone/results.csv")["total"].tolist() == [3072]
