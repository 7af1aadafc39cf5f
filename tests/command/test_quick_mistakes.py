"""Mistakes that need no network are answered before Keras and its backend are imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Flags, and how the line begins that answers them.
MISTAKES = {
    "--dataset=cifr100": "--dataset=cifr100 is unknown (did you mean cifar100 or ",
    "--model=vgg6 --dataset=oxford_flower102": "--dataset=oxford_flower102 is unknown (did you",
    "--model=vgg6 --dataset=.": "--dataset=. is a folder: say --dataset=folder and --data_dir=.",
    "--dataset=cifar10 --data_dir=nowhere": "--data_dir=nowhere does not exist",
    "--dataset=cifar10 --data_dir=empty": "--data_dir=empty is empty; put cifar-10-batches-py/",
    "--dataset=folder --model=vgg6": "--dataset=folder needs --data_dir",
    "--dataset=folder --model=vgg6 --data_dir=nowhere": "--data_dir=nowhere does not exist",
    "--preset=vgg16-cifar": "--preset=vgg16-cifar does not exist; did you mean vgg16-cifar10",
    "--model=resnet50": "--model=resnet50 is no network with a name; did you mean "
    "keras.applications:ResNet50? There are cct2_3x2, ",
    "--model=keras.applications:Resnet50": "--model=keras.applications:Resnet50: Keras "
    "Applications has no network 'Resnet50'; did you mean ResNet50",
    "--model=keras.applications.xception.Xception": "--model=keras.applications.xception.Xception "
    "is no network with a name; did you mean keras.applications:Xception?",
    "--model=vgg_16": "--model=vgg_16 is no network with a name; did you mean vgg16? There are ",
    "--model=efficentnet": "--model=efficentnet is no network with a name; did you mean "
    "efficientnetb0 or keras.applications:EfficientNet",
    "--model=nowhere.keras": "--model: file nowhere.keras does not exist",
    "--model=old.keras": "--model: file old.keras does not exist; did you mean old.h5?",
    "--model=kept": "--model=kept is no network with a name; did you mean kept.keras?",
    "--dataset=cifar10 --data_dir=Emty": "--data_dir=Emty does not exist; did you mean empty?",
    "--data_dir=empty": "--data_dir=empty: say by --dataset what is there: folder (",
    "--dataset=folder --model=kept.kears --data_dir=empty": "--model=kept.kears is no network with "
    "a name",
    "--model=nowhere:make": "--model=nowhere:make: module 'nowhere' is not found",
    "--model=old.h5": "--model: file old.h5 is of Keras' older format; save it once as a .keras "
    "file: python -c \"import keras; keras.models.load_model('old.h5', compile=False)"
    ".save('old.keras')\" and say --model=old.keras",
    "--model=old.weights.h5": "--model: file old.weights.h5 holds weights without a network",
    "--model=old.h5 --train": "--train: --model=old.h5 is not trained from its beginning",
    "--weights=nowhere.safetensors": "--weights: file nowhere.safetensors does not exist",
    "--model=old.keras --weights=old.h5": "--weights is for networks with a name",
    "--model=efficientnetb0 --fc_widths=9": "--fc_widths is no option of efficientnetb0",
    "--stages=layer1,,layer2": "--stages=layer1,,layer2: a name is empty",
    "--stages=layer1#second": "--stages=layer1#second: 'layer1#second' has no number of a call",
    "--scaling=0-1": "--scaling='0-1' is not one of: 0..255 or none",
    "--scaling=nowhere:f": "--scaling=nowhere:f: module 'nowhere' is not found",
    "--image_size=big": "--image_size=big: give one number, or height,width",
    "--image_size=9999": "--image_size=9999,9999: sides are at most 8,192",
    "--class_names=,": "--class_names=, has no names",
    "--mode=train --weights=old.h5": "--mode=train: --model=vgg6 with --weights=old.h5 is trained",
    "--mode=sweep --sweep_seeds=": "--sweep_seeds is empty",
    "--mode=sweep --sweep_widths=": "--sweep_widths is empty; give a width, or leave it out",
    "--mode=sweep --sweep_labels=": "--sweep_labels is empty; give a number of labels K, or leave",
    "--mode=sweep --model=lenet5 --filters=1:4 --sweep_widths=3": "--filters=1:4: --sweep_widths s",
    "--model=lenet5 --filters=1:0": "--filters=1:0 must be whole numbers of at least 1",
    "--mode=sweep --sweep_labels=2,3 --sweep_widths=4,8": "--sweep_labels=2,3 and --sweep_widt",
    "--mode=sweep --width=9 --sweep_widths=4,8": "--width=9 and --sweep_widths=4,8: give only one",
    "--mode=sweep --model=efficientnetb0 --sweep_widths=4": "--sweep_widths is no option of effic",
}
SCRIPT = """
import io, json, sys
from contextlib import redirect_stderr
from absl import flags
from absl.testing import flagsaver
import main

lines = []
for case in json.loads(sys.argv[1]):
    with flagsaver.flagsaver(), redirect_stderr(io.StringIO()) as err:
        code = main.main(flags.FLAGS(["main.py", *case.split()]))
    flags.FLAGS.unparse_flags()
    lines.append([code, err.getvalue()])
slow = {"keras", "tensorflow", "tensorflow_datasets", "jax", "torch", "pandas", "matplotlib"}
print(json.dumps([lines, sorted(slow & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list], list[str]]:
    """What a fresh process answers, and which slow modules it imported."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "empty").mkdir()
    files = {name: folder / name for name in ("old.h5", "old.weights.h5", "kept.keras")}
    for file in files.values():
        file.write_bytes(b"\x89HDF\r\n\x1a\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(list(MISTAKES))],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(folder / "tfds")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines, slow = json.loads(done.stdout)
    assert {path.name for path in folder.iterdir()} == {"empty", *files}
    return dict(zip(MISTAKES, lines, strict=True)), slow


@pytest.mark.parametrize("flags", MISTAKES)
def test_a_mistake_is_one_line_with_its_mend(flags: str, answered: tuple) -> None:
    code, line = answered[0][flags]
    assert code == 2
    assert line.startswith(f"error: {MISTAKES[flags]}"), line
    assert line.count("\n") == 1


def test_no_mistake_waits_for_keras(answered: tuple) -> None:
    assert answered[1] == []
