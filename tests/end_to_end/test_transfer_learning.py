"""EfficientNet-B0 by the command: transfer learning, probing, simplified networks, AFCC."""

import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from calling import call_again, call_main

from sfp_keras import MaskedDense, build_efficientnet, load_dataset
from sfp_keras.data import parse_scaling

STAGES = ["stage1", "stage3", "stage4", "stage5", "stage7", "stage9"]


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of other labels to start from."""
    path = tmp_path_factory.mktemp("body") / "body.keras"
    blocks = {3: 1, 4: 1, 5: 1, 6: 1, 7: 2}
    build_efficientnet(4, input_shape=(32, 32, 3), blocks=blocks, seed=7).save(path)
    return path


@pytest.fixture(scope="module")
def run(
    colour_folder: Path, body: Path, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    """A probe of a simplified network that is trained for an epoch."""
    folder = tmp_path_factory.mktemp("efficientnet") / "run"
    flags = [
        *("--model=efficientnetb0", "--dataset=folder", f"--data_dir={colour_folder}"),
        *(f"--initial_weights={body}", "--blocks=3:1,4:1,5:1,6:1,7:1", "--enlarge=40"),
        "--pool=avg:2",
        *("--epochs=1", "--batch_size=8", "--group=(^|/)stage[1-7]_: lr=x0.1", "--nomonitor"),
        *("--head_epochs=2", f"--run_dir={folder}"),
    ]
    return SimpleNamespace(folder=folder, out=call_again(*flags), flags=flags)


@pytest.mark.slow
def test_layers_and_settings(run: SimpleNamespace) -> None:
    layers = pd.read_csv(run.folder / "layers.csv")
    assert layers["stage"].tolist() == STAGES
    assert layers["filters"].tolist() == [32, 24, 40, 80, 192, 1280]
    # 40 pixels enlarged from 32: 20, 10, 5, 3, 2, 2 a side, halved by the pooling.
    assert layers["outputs_per_filter"].tolist() == [100, 25, 4, 1, 1, 1]
    assert f"starting from {run.folder.parent}" not in run.out
    assert "random weights: output" in run.out
    settings = json.loads((run.folder / "experiment.json").read_text())["phases"]["train"]
    assert settings["blocks"] == ["3:1", "4:1", "5:1", "6:1", "7:1"]
    assert settings["rotation"] == 2.0
    assert "fc_widths" not in settings


@pytest.mark.slow
def test_the_saved_network_takes_images_as_they_are(
    run: SimpleNamespace, colour_folder: Path
) -> None:
    network = keras.saving.load_model(run.folder / "model.keras")
    names = [layer.name for layer in network.layers[:5]]
    assert names == ["image", "scale", "enlarge", "geometry", "stage1_pad"]
    data = load_dataset("folder", colour_folder)
    scaling = parse_scaling("dataset", data.train)
    images = data.test.read(np.arange(4))
    scaled = keras.ops.convert_to_numpy(network.get_layer("scale")(images))
    np.testing.assert_allclose(scaled, scaling(images), rtol=1e-4, atol=1e-5)
    assert network(images).shape == (4, 3)


@pytest.mark.slow
def test_stages_of_the_transferred_body_were_trained(run: SimpleNamespace, body: Path) -> None:
    network = keras.saving.load_model(run.folder / "model.keras")
    before = keras.saving.load_model(body)

    def moved(layer: str) -> float:
        kernel, old = network.get_layer(layer).kernel, before.get_layer(layer).kernel
        return float(keras.ops.max(keras.ops.abs(kernel - old)))

    # Both moved, and the stages with a tenth of the learning rate less.
    assert 0 < moved("stage7_block1_project") < moved("stage8_block1_project") < 0.5


@pytest.mark.slow
def test_afcc_trains_the_whole_network(run: SimpleNamespace) -> None:
    call_again(
        *(*run.flags, "--mode=afcc", "--afcc_trainable=all", "--afcc_epochs=1"),
        *("--afcc_lr=0.001", "--afcc_batch_size=8", "--afcc_variants=clusters"),
        *("--afcc_split=test", "--afcc_group=(^|/)stage[1-7]_: lr=x0.1"),
    )
    table = pd.read_csv(run.folder / "afcc" / "stage9" / "results.csv")
    assert table["variant"].tolist() == ["clusters"]
    network = keras.saving.load_model(run.folder / "afcc" / "stage9" / "model.keras")
    mask = np.load(run.folder / "afcc" / "stage9" / "mask.npz")["mask"]
    head = next(layer for layer in network.layers if isinstance(layer, MaskedDense))
    kernel = keras.ops.convert_to_numpy(head.kernel)
    assert (kernel.reshape(mask.shape)[~mask] == 0).all()
    trained = keras.saving.load_model(run.folder / "model.keras")

    def stem(model: keras.Model) -> np.ndarray:
        layers = [layer for layer in model._flatten_layers() if layer.name == "stage1_conv"]
        return keras.ops.convert_to_numpy(layers[0].kernel)

    assert not np.array_equal(stem(network), stem(trained))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--blocks=3"], "--blocks=3: give a layer and a number each"),
        (["--blocks=9:2"], "names stage 9, but only stages 2 to 8"),
        (["--enlarge=0"], "--enlarge or --image_size"),
        (["--pool=avg:50"], "avg:50"),
        (["--scaling=numpy:abs"], "--scaling=numpy:abs: efficientnetb0 scales images on the"),
        (["--initial_weights=nowhere.safetensors"], "nowhere.safetensors does not exist"),
        (["--initial_weights=README.md"], "--initial_weights"),
        (["--weights=imagenet.safetensors"], "imagenet.safetensors does not exist"),
    ],
)
def test_wrong_flags_are_one_line(
    flags: list[str],
    message: str,
    colour_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    always = ["--model=efficientnetb0", "--dataset=folder", f"--data_dir={colour_folder}"]
    if not flags[0].startswith("--blocks"):
        always += ["--blocks=3:1,4:1,5:1,6:1,7:1"]  # The whole network is slow to build.
    assert call_main(*always, "--image_size=16", f"--run_dir={tmp_path / 'run'}", *flags) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()
