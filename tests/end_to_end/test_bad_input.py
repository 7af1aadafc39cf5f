"""Mistakes of the user: one clear line, exit code 1 or 2, nothing written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from broken_inputs import Malicious, cifar10, diverged
from calling import ROOT, call_again, environment, write_images
from run_files import contents

DRIVER = str(Path(__file__).parent / "many_mains.py")
# Networks are made for most mistakes; of few filters that takes no time.
NARROW = "--filters=1:8,2:8,3:8,4:8,5:8"
CLOSED = ["--data_dir=", "closed_folder", "permission"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bad")
    for broken in ("truncated", "incomplete", "malicious", "other format"):
        cifar10(folder / broken.replace(" ", "_"), broken)
    (folder / "empty").mkdir()
    (folder / "text.txt").write_text("no folder")
    (folder / "noise.weights.h5").write_bytes(np.random.default_rng(0).bytes(4000))
    (folder / "noise.keras").write_bytes(np.random.default_rng(1).bytes(4000))
    diverged().save(folder / "diverged.keras")  # type: ignore[attr-defined]
    write_images(folder / "one_class", 2)
    for colour in ("green", "red"):
        shutil.rmtree(folder / "one_class" / colour)
    write_images(folder / "closed_class", 2)
    closed = [folder / name for name in ("names.txt", "net.keras", "net.safetensors")]
    for path in closed:
        path.write_text("closed")
    (folder / "closed_folder").mkdir()
    closed += [folder / "closed_folder", folder / "closed_class" / "red"]
    for path in closed:
        path.chmod(0)
    yield folder
    for path in closed:
        path.chmod(0o700)


def cases(place: Path, colour_folder: Path, colour_model: Path) -> dict[str, tuple[list, list]]:
    """Name: flags, and what the error line must contain."""
    folder = ["--dataset=folder", f"--data_dir={colour_folder}"]
    ours = ["--model=vgg6", NARROW, *folder, "--epochs=1"]
    own = [f"--model={colour_model}", *folder]
    cifar = "--dataset=cifar10"
    return {
        "dataset": (["--dataset=digit", "--model=vgg6"], ["--dataset=digit", "digits"]),
        "model": (["--model=vgg7"], ["vgg7", "--model"]),
        "no model": (["--dataset=folder"], ["--dataset=folder", "--model"]),
        "model file": (["--model=nowhere.keras"], ["nowhere.keras", "--model"]),
        "model damaged": ([f"--model={place}/noise.keras"], ["noise.keras", "--model"]),
        "module": (["--model=no_such_module:f"], ["no_such_module", "--model"]),
        "stage": ([*ours, "--stages=layer9"], ["layer9", "--list_stages"]),
        "own stage": ([*own, "--stages=conv3"], ["conv3", "conv2"]),
        "preset": (["--preset=vgg6-cifar"], ["--preset=vgg6-cifar", "vgg6-cifar10"]),
        "data_dir": ([cifar, f"--data_dir={place}/nowhere"], ["nowhere", "--data_dir"]),
        "empty": ([cifar, f"--data_dir={place}/empty"], ["empty", "cifar-10-batches-py"]),
        "file": ([cifar, f"--data_dir={place}/text.txt"], ["text.txt", "--data_dir"]),
        "truncated": ([cifar, f"--data_dir={place}/truncated"], ["data_batch_3", "cut short"]),
        "incomplete": ([cifar, f"--data_dir={place}/incomplete"], ["data_batch_3", "again"]),
        "malicious": ([cifar, f"--data_dir={place}/malicious"], ["data_batch_3", "not safe"]),
        "format": ([cifar, f"--data_dir={place}/other_format"], ["data_batch_3", "format"]),
        "other set": (
            ["--dataset=cifar100", f"--data_dir={place}/truncated"],
            ["cifar10", "--dataset=cifar10"],
        ),
        "no images": ([*own[:2], f"--data_dir={place}/empty"], ["--data_dir", "class folder"]),
        "folder without data_dir": (["--model=vgg6", "--dataset=folder"], ["--data_dir"]),
        "labels": (["--labels=11"], ["--labels=11", "10"]),
        "one label": (["--labels=1"], ["--labels=1", "two"]),
        "no network": (["--dataset=mnist", "--model=vgg6"], ["no network", "--data_dir"]),
        "group": ([*ours, "--group=fc lr=1"], ["fc lr=1", "key=value"]),
        "group key": ([*ours, "--group=fc: rate=1"], ["'rate'", "momentum"]),
        "group of nothing": ([*ours, "--group=fc7: lr=1"], ["fc7", "matches no"]),
        "decay": ([*ours, "--decay=20/0.65/3"], ["20/0.65/3", "decay"]),
        "head decay": ([*ours, "--head_decay=often"], ["often", "decay"]),
        "head group": ([*ours, "--head_group=layer9: lr=1"], ["--head_group", "layer5"]),
        "cosine": ([*ours, "--decay=cosine", "--min_lr=1"], ["--min_lr=1 ", "--lr=0.01"]),
        "overwrite": ([*ours, "--overwrite=all"], ["--overwrite=all", "--overwrite=heads"]),
        "overwrite afcc": ([*ours, "--overwrite=afcc"], ["--overwrite=afcc", "--mode=afcc"]),
        "warm-up": ([*ours, "--warmup_epochs=100"], ["--warmup_epochs=100", "--schedule_epochs"]),
        "mixed on device": (
            [*ours, "--mixup=0.8", "--erasing=0.1", "--images_on=device"],
            ["--images_on=device", "--erasing and --mixup are done on the host"],
        ),
        "scaling": ([*ours, "--scaling=0-1"], ["--scaling='0-1'", "0..1"]),
        "scaling function": ([*ours, "--scaling=nowhere:f"], ["--scaling=nowhere:f"]),
        "image_size": ([*ours, "--image_size=big"], ["--image_size=big", "height,width"]),
        "too small": ([*ours, "--image_size=16"], ["32x32", "--image_size"]),
        "own size": ([*own, "--image_size=48"], ["--image_size", "32x32"]),
        "pool": ([*ours, "--pool=mean:2"], ["mean:2", "avg:<size>"]),
        "pool too large": ([*ours, "--pool=avg:4"], ["avg:4", "layer4"]),
        "pool of nothing": ([*ours, "--pool=layer9=avg:2"], ["--pool", "layer9"]),
        "two pools": ([*ours, "--pool=avg:2,max:2"], ["--pool", "<stage>=<pool>"]),
        "fc_widths": ([*ours, "--fc_widths=many"], ["--fc_widths=many", "none"]),
        "class_names": ([*own, "--class_names=red,green"], ["--class_names", "blue"]),
        "weights missing": ([*ours, "--weights=no.safetensors"], ["no.safetensors", "--weights"]),
        "weights damaged": (
            [*ours, f"--weights={place}/noise.weights.h5"],
            ["noise.weights.h5", "--model"],
        ),
        "weights of another": (
            [*ours, f"--weights={colour_model}"],
            ["weights file", "build the net"],
        ),
        "weights of own": ([*own, "--weights=x.safetensors"], ["--weights", ".keras"]),
        "subclassed": ([*folder, "--model=broken_inputs:subclassed"], ["subclassed", "wrap"]),
        "diverged": ([*folder, "--model=broken_inputs:diverged"], ["layer1_conv", "NaN"]),
        "begin": ([*ours, f"--initial_weights={place}/diverged.keras"], ["diverged.keras", "NaN"]),
        "train an own": ([*own, "--mode=train"], ["--mode=train", "--mode=probe"]),
        "head learning": ([*own, "--head_momentum=1"], ["momentum", "below 1"]),
        "threshold": (["--threshold=1.5"], ["--threshold"]),
        "threshold of float32": (["--threshold=0.99999999999"], ["--threshold", "below 1"]),
        "not a number": (["--memory_gib=nan"], ["--memory_gib"]),
        "infinite": ([*own, "--cache_gib=inf"], ["--cache_gib"]),
        "huge shift": ([*ours, "--shift=100000000000000000000"], ["--shift=1000", "than 32"]),
        "versions": ([*own, "--head_versions=3"], ["--head_versions=3", "--head_data=augmented"]),
        "shuffled and new": (
            [*own, "--head_data=augmented", "--shift=1", "--shuffled_labels"],
            ["--shuffled_labels", "--head_data=cached", "--head_versions"],
        ),
        "learnt pool of two heads": (
            [*own, "--pool=sequence", "--head_seeds=2"],
            ["--head_seeds", "conv1", "runs of their own"],
        ),
        "augmented shift": ([*own, "--head_data=augmented", "--shift=32"], ["--shift=32", "32x32"]),
        "huge images": (["--image_size=100000"], ["--image_size=100000", "8,192"]),
        "huge images listed": (["--image_size=100000", "--list_stages"], ["--image_size=100000"]),
        "huge widths": ([*ours, "--fc_widths=100000000000000000000"], ["--fc_widths=1000"]),
        "two groups": ([*ours, "--group=fc: lr=1", "--group=fc: l2=1"], ["--group", "'fc'"]),
        "two head groups": (
            [*ours, "--head_group=layer5: lr=1", "--head_group=layer5: l2=1"],
            ["--head_group", "'layer5'"],
        ),
        "pooled twice": ([*ours, "--pool=layer1=avg:2,layer1=avg:4"], ["--pool", "'layer1'"]),
        "one class": (
            ["--model=vgg6", "--dataset=folder", f"--data_dir={place}/one_class"],
            ["--data_dir=", "one_class", "'blue'"],
        ),
        "closed folder": ([*own[:2], f"--data_dir={place}/closed_folder"], CLOSED),
        "closed cifar": ([cifar, f"--data_dir={place}/closed_folder"], CLOSED),
        "closed class": (
            [*own[:2], f"--data_dir={place}/closed_class"],
            ["closed_class/red", "--data_dir", "permission"],
        ),
        "closed names": (
            [*own, f"--class_names={place}/names.txt"],
            ["--class_names=", "names.txt", "permission"],
        ),
        "closed model": (
            [*folder, f"--model={place}/net.keras"],
            ["--model=", "net.keras", "permission"],
        ),
        "closed weights": (
            [*ours, f"--weights={place}/net.safetensors"],
            ["--weights=", "net.safetensors", "permission"],
        ),
        "split": (["--split=test,test"], ["--split"]),
        "word": (["probe"], ["probe", "--"]),
    }


NAMES = list(cases(Path(), Path(), Path()))
# Root may read every file, unless it gives that right up.
MEEK = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
CAN_CLOSE = not MEEK or shutil.which(MEEK[0]) is not None


def run_all(commands: list[list[str]], place: Path) -> list[dict]:
    """Several command lines in one process, without a network."""
    result = place / "results.json"
    nowhere = "http://127.0.0.1:9"
    more = {
        **{f"{kind}_proxy": nowhere for kind in ("http", "https", "HTTP", "HTTPS")},
        "TFDS_DATA_DIR": str(place / "tfds"),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    done = subprocess.run(
        [*(MEEK if CAN_CLOSE else ()), sys.executable, DRIVER, str(result)],
        cwd=ROOT,
        env=environment(**more),
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text())


def one_line(done: dict | SimpleNamespace, *words: str) -> None:
    """An exit code of 1 or 2, and a single error line with these words."""
    code, err = (done["code"], done["err"]) if isinstance(done, dict) else (done.code, done.err)
    assert code in (1, 2), err
    assert "Traceback" not in err, err
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0], (word, lines[0])


@pytest.fixture(scope="module")
def ran(
    place: Path, colour_folder: Path, colour_model: Path, damaged: SimpleNamespace
) -> list[dict]:
    """What comes of all commands, which share the time that a process takes to start."""
    table = cases(place, colour_folder, colour_model)
    commands = [
        [*flags, f"--run_dir={place}/runs/{i}"] for i, (flags, _) in enumerate(table.values())
    ]
    return run_all([*commands, *damaged.commands.values()], place)


@pytest.fixture(scope="module")
def outcomes(ran: list[dict]) -> dict[str, dict]:
    return dict(zip(NAMES, ran[: len(NAMES)], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_one_clear_line(
    name: str, outcomes: dict, place: Path, colour_folder: Path, colour_model: Path
) -> None:
    if name.startswith("closed") and not CAN_CLOSE:
        pytest.skip("root reads every file, and there is no setpriv to give that up")
    words = cases(place, colour_folder, colour_model)[name][1]
    one_line(outcomes[name], *words)


def test_without_a_network_there_is_no_waiting(outcomes: dict) -> None:
    assert outcomes["no network"]["seconds"] < 30


def test_mistakes_write_nothing_and_execute_nothing(outcomes: dict, place: Path) -> None:
    assert not list((place / "runs").glob("*"))
    assert not (place / "malicious" / "executed").exists()


def damage(run: Path, name: str) -> None:
    """Break one file of a finished run directory in one way."""
    import keras

    file, _, how = name.partition(" ")
    path = {
        "model": run / "model.keras",
        "head": run / "stages/layer2/head.npz",
        "fields": run / "stages/layer2/test/fields.npz",
        "layers": run / "layers.csv",
        "experiment": run / "experiment.json",
    }[file]
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "overwritten":
        path.write_bytes(np.random.default_rng(0).bytes(len(content)))
    elif how == "flipped":
        middle = len(content) // 2
        flipped = bytes(byte ^ 255 for byte in content[middle : middle + 99])
        path.write_bytes(content[:middle] + flipped + content[middle + 99 :])
    elif how == "pickled":
        trace = Malicious(run / "executed")
        np.savez(path, **dict.fromkeys(("kernel", "features"), np.array([trace], dtype=object)))
    elif how == "of another run":
        other = keras.models.load_model(path)
        other.weights[0].assign(-other.weights[0])
        other.save(path)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "foreign":
        np.savez(path, kernel=np.zeros((2, 2, 2), np.float32), position_shape=np.array([2]))


DAMAGES = [
    *("head truncated", "head overwritten", "head flipped", "head pickled", "head foreign"),
    *("fields truncated", "fields overwritten", "fields flipped", "fields pickled"),
    *("fields foreign", "model truncated", "model overwritten", "model flipped"),
    *("model of another run", "layers a folder"),
    *("layers overwritten", "experiment truncated", "experiment overwritten"),
]


@pytest.fixture(scope="module")
def damaged(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A finished run, copies of it with one file broken each, and commands for them."""
    place = tmp_path_factory.mktemp("spoilt")
    good = place / "good"
    flags = [
        # The smallest network: it is built or loaded by nearly every command.
        *("--model=lenet5", "--filters=1:4,2:8", "--epochs=1"),
        *("--dataset=folder", f"--data_dir={colour_folder}", "--head_epochs=1"),
        *("--stages=layer2", "--nomonitor"),
    ]
    call_again(*flags, f"--run_dir={good}")
    shutil.copytree(colour_folder, place / "other" / "colours")
    for file in (place / "other").rglob("000.png"):
        shutil.copy(file.with_name("001.png"), file)
    changed = {
        "epochs": [*flags, "--epochs=2"],
        "heads": [*flags, "--head_lr=0.5"],
        "images": [*flags, f"--data_dir={place}/other/colours"],
    }
    before, commands = {}, {}
    for i, name in enumerate([*DAMAGES, *changed]):
        run = place / str(i)
        shutil.copytree(good, run)
        if name in DAMAGES:
            damage(run, name)
        before[name] = contents(run)
        commands[name] = [*changed.get(name, flags), f"--run_dir={run}"]
    small = [*flags, "--batch_size=4"]
    far = ["--overwrite=heads", "--head_epochs=5", "--head_lr=1e38"]
    commands |= {
        "lr": [*small, "--lr=1e38", f"--run_dir={place}/lr"],
        "mended": [*small, "--lr=1e-3", f"--run_dir={place}/lr", "--mode=train"],
        "head_lr": [*flags, *far, f"--run_dir={good}"],
        "file": [*flags, f"--run_dir={good}/model.keras"],
        "under": [*flags, f"--run_dir={good}/model.keras/deeper"],
        "long": [*flags, f"--run_dir={place}/{'long' * 100}"],
    }
    return SimpleNamespace(place=place, before=before, commands=commands)


@pytest.fixture(scope="module")
def spoilt(damaged: SimpleNamespace, ran: list[dict]) -> SimpleNamespace:
    """The finished run and its copies, and what main says of each."""
    outcomes = dict(zip(damaged.commands, ran[len(NAMES) :], strict=True))
    after = {name: contents(damaged.place / str(i)) for i, name in enumerate(damaged.before)}
    return SimpleNamespace(
        place=damaged.place, outcomes=outcomes, before=damaged.before, after=after
    )


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_and_left(name: str, spoilt: SimpleNamespace) -> None:
    file = {"head": "head.npz", "fields": "fields.npz", "model": "model.keras"}.get(
        name.split()[0], f"{name.split()[0]}."
    )
    one_line(spoilt.outcomes[name], file, "delete")
    assert not list(spoilt.place.glob("*/executed"))
    before, after = spoilt.before[name], spoilt.after[name]
    changed = {n for n in before if before[n] != after[n]}
    assert changed <= {"experiment.json", "layers.csv"} - {f"{name.split()[0]}.csv"}
    assert set(before) == set(after)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("epochs", ["--epochs was 1, now 2", "--run_dir", "--overwrite=train"]),
        ("heads", ["--head_lr was", "now 0.5", "--run_dir", "--overwrite=heads"]),
        ("images", ["--data_dir", "--run_dir"]),
    ],
)
def test_a_run_directory_of_another_experiment_is_refused(
    name: str, words: list[str], spoilt: SimpleNamespace
) -> None:
    one_line(spoilt.outcomes[name], *words)
    assert spoilt.before[name] == spoilt.after[name]


def test_learning_that_diverges_stops_with_the_mend(spoilt: SimpleNamespace) -> None:
    one_line(spoilt.outcomes["lr"], "is not finite", "--lr")
    assert "kept" not in spoilt.outcomes["lr"]["err"]
    # Nothing of it is kept, so the mend needs no --overwrite.
    assert spoilt.outcomes["mended"]["code"] == 0, spoilt.outcomes["mended"]["err"]
    assert (spoilt.place / "lr" / "model.keras").exists()
    assert not (spoilt.place / "lr" / "checkpoint").exists()
    one_line(spoilt.outcomes["head_lr"], "--head_lr")
    assert not list((spoilt.place / "good").glob("stages/*/head.npz"))


@pytest.mark.parametrize("name", ["file", "under", "long"])
def test_a_run_dir_that_can_be_no_folder(name: str, spoilt: SimpleNamespace) -> None:
    one_line(spoilt.outcomes[name], "--run_dir")


def test_a_flag_that_does_not_parse(command: Callable, tmp_path: Path) -> None:
    done = command("--mode=nonsense", f"--run_dir={tmp_path}/run", code=2)
    assert "error: --mode=nonsense must be one of probe, train" in done.stderr
    assert not (tmp_path / "run").exists()
