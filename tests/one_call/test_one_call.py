"""A probe in one call: its numbers are the command's, its forms of images, and what it refuses."""

import gc
import io
import json
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import sfp_keras
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.one_call.called_experiment import called_experiment
from sfp_keras.workflows.report.recorded_run import read_run

EPOCHS = 2
FURTHER = {"head_seeds": 2, "shuffled_labels": True, "bootstrap": True, "zero_gradients": 20}


@pytest.fixture(scope="module")
def digits():
    return sfp_keras.load_dataset("digits", image_size=8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(3, 3, activation="relu", name="conv"),
        keras.layers.MaxPooling2D(name="pool1"),
        keras.layers.Conv2D(4, 2, activation="relu", name="deep"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
    return keras.Sequential(layers, name="tiny")


def arrays(split):
    return split.images, split.labels


@pytest.fixture(scope="module")
def result(model, digits):
    with pytest.warns(UserWarning, match="accuracy of model 'tiny' on the test images is .*chance"):
        return sfp_keras.probe(
            model,
            arrays(digits.train),
            arrays(digits.test),
            ["pool1", "deep"],
            epochs=EPOCHS,
            split=("test", "train"),
            **FURTHER,
            class_names=digits.class_names,
            quiet=True,
        )


def files(folder, ending):
    return {path.relative_to(folder): path for path in sorted(folder.rglob(f"*.{ending}"))}


def test_the_command_finds_the_same(result, model, tmp_path, call_command):
    model.save(tmp_path / "tiny.keras")
    flags = ["--dataset=digits", "--image_size=8", f"--model={tmp_path / 'tiny.keras'}"]
    flags += ["--stages=pool1,deep", f"--head_epochs={EPOCHS}", "--split=test,train"]
    flags += ["--at_chance=go_on", "--bootstrap", "--shuffled_labels"]
    flags += [f"--{name}={FURTHER[name]}" for name in ("head_seeds", "zero_gradients")]
    call_command(*flags, f"--run_dir={tmp_path / 'command'}")
    saved = result.save(tmp_path / "saved")
    for ending in ("csv", "npz"):
        found, expected = files(saved, ending), files(tmp_path / "command", ending)
        assert list(found) == list(expected)
        for name, path in found.items():
            # Keras names the variables of a loaded Sequential otherwise.
            if name.parent.name != "network":
                assert path.read_bytes() == expected[name].read_bytes(), name
    pd.testing.assert_frame_equal(pd.read_csv(saved / "layers.csv"), result.table.sort_values(
        "stage", key=lambda stages: stages.map(["pool1", "deep"].index), kind="stable"
    ).reset_index(drop=True), check_dtype=False)  # fmt: skip
    assert {"heads.csv", "intervals.csv"} <= {path.name for path in files(saved, "csv")}
    assert files(saved / "network", "csv")
    intervals = pd.read_csv(saved / "intervals.csv").set_index(["stage", "split", "quantity"])
    kept = intervals.loc[("deep", "train", "noise")]
    found = result.intervals["deep", "train"]["noise"]
    assert (found.low, found.high) == (kept["low"], kept["high"])
    assert f"± {found.error:.2f}" in result._repr_html_()
    assert "Several heads of each stage on the train set" in result._repr_html_()
    assert len(result.layer_figure().axes[1].collections) == 4
    heads = pd.read_csv(saved / "heads.csv")
    assert heads["noise"].tolist() == result.further_heads["noise"].tolist()
    assert set(heads["head"]) == {"seed0", "seed1", "shuffled0"}
    kept_results = json.loads((saved / "experiment.json").read_text())["results"]
    assert kept_results["parameters"] == model.count_params()
    assert files(saved / "events", "*")
    assert keras.saving.load_model(saved / "model.keras").name == "tiny"
    # What `--mode=report` reads of it.
    recorded = read_run(Experiment.of(mode="report", run_dir=str(saved)))
    assert recorded.title == "tiny on arrays, 10 labels"
    assert recorded.measured().rows["noise"].tolist() == result.table["noise"][::2].tolist()
    # Saved again, it takes its own place; another folder's files are left alone.
    assert result.save(saved) == saved
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    with pytest.raises(InputError, match="holds other files"):
        result.save(tmp_path / "mine")


def test_a_result_has_everything_by_stage(result, digits):
    assert result.stages == ["pool1", "deep"]
    assert result.fields["deep"].label_counts.sum() == len(digits.test)
    assert result.on("train").fields["deep"].label_counts.sum() == len(digits.train)
    clusters = sfp_keras.find_clusters(result.fields["pool1"])
    np.testing.assert_array_equal(result.clusters["pool1"].cluster_id, clusters.cluster_id)
    assert result.statistics["pool1"] == sfp_keras.layer_statistics(clusters)
    assert result.heads["pool1"].kernel.shape == (9, 3, 10)
    assert len(result.heads["deep"].history) == EPOCHS
    assert result.filters["deep"]["filter"].tolist() == [0, 1, 2, 3]
    assert result.labels["deep"]["name"].tolist() == list(digits.class_names)
    row = result.table.set_index(["stage", "split"]).loc[("deep", "test")]
    assert row["accuracy"] == result.measured["test"]["deep"].accuracy
    assert row["noise"] == result.statistics["deep"].noise
    assert repr(result).startswith("ProbeResult(tiny on 359 test images of 10 labels: accuracy ")
    assert "<table" in result._repr_html_()
    for figure in (result.show(np.int64(2), "pool1"), result.show(), result.layer_figure()):
        picture, _ = figure._repr_png_()
        assert Image.open(io.BytesIO(picture)).size[0] == 1440


def test_what_a_result_has_not_is_refused(result):
    with pytest.raises(InputError, match="`stage`: 'pool2' is not probed; there are pool1, deep"):
        result.clusters["pool2"]
    with pytest.raises(InputError, match="`filter`=3: stage pool1 has filters 0 to 2"):
        result.show(3, "pool1")
    with pytest.raises(InputError, match="`split`=validation was not measured"):
        result.on("validation")


def test_what_is_finished_in_a_folder_is_not_done_again(model, digits, tmp_path, capsys):
    data = [(split.images[:60], split.labels[:60]) for split in (digits.train, digits.test)]

    def call(**changed):
        given = {"stages": "deep", "epochs": 1, "run_dir": tmp_path / "run", **changed}
        with pytest.warns(UserWarning, match="near chance"):
            return sfp_keras.probe(model, *data, **given)

    first = call()
    assert "tiny: 60 training and 60 test images, 10 labels" in capsys.readouterr().out
    head = tmp_path / "run/stages/deep/head.npz"
    before = head.stat().st_mtime_ns
    again = call(threshold=0.5, quiet=True)
    assert capsys.readouterr().out == ""
    assert head.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.fields["deep"].features, first.fields["deep"].features)
    assert again.clusters["deep"].threshold == 0.5
    with pytest.raises(InputError, match=r"`lr` was 0.005, now 0.1; choose another `run_dir`"):
        sfp_keras.probe(model, *data, stages="deep", epochs=1, lr=0.1, run_dir=tmp_path / "run")
    other = keras.models.clone_model(model)
    with pytest.raises(InputError, match="holds results of this model with other weights"):
        sfp_keras.probe(other, *data, stages="deep", epochs=1, run_dir=tmp_path / "run")
    given = {"stages": "deep", "epochs": 1, "quiet": True}
    with pytest.warns(UserWarning, match="near chance"):
        of_other = sfp_keras.probe(other, *data, **given)
    before = files(tmp_path / "run", "npz")
    with pytest.raises(InputError, match="holds results of this model with other weights"):
        of_other.save(tmp_path / "run")
    assert files(tmp_path / "run", "npz") == before
    # Trained on since, the network is not that of the results, which are kept all the same.
    other.set_weights([1.5 * array for array in other.get_weights()])
    later = of_other.save(tmp_path / "later")
    assert not (later / "model.keras").exists()
    assert len(pd.read_csv(later / "layers.csv")) == len(of_other.table)
    recorded = read_run(Experiment.of(mode="report", run_dir=str(later)))
    assert recorded.measured().rows["noise"].tolist() == of_other.table["noise"].tolist()


@pytest.mark.filterwarnings("ignore:the accuracy of model .* near chance")
def test_batches_that_are_shuffled_anew_are_told(model, digits, tmp_path):
    train, test = ((one.images[:60], one.labels[:60]) for one in (digits.train, digits.test))
    given = {"stages": "deep", "epochs": 1, "monitor": False, "quiet": True}
    given |= {"run_dir": tmp_path / "run", "class_names": list("0123456789")}
    sfp_keras.probe(model, train, test, **given)
    shuffled = (train[0][::-1], train[1][::-1])
    with pytest.raises(InputError, match=r"other images, or of these in another order.*shuffled"):
        sfp_keras.probe(model, shuffled, test, **given)


def test_a_function_that_scales_otherwise_is_no_reason_to_go_on(model, digits, tmp_path):
    data = [(split.images[:60], split.labels[:60]) for split in (digits.train, digits.test)]

    def call(*factors):
        # Its name is always the same.
        scaling = lambda images: images * np.array(factors, np.float32)  # noqa: E731
        given = {"stages": "deep", "epochs": 1, "quiet": True, "run_dir": tmp_path / "run"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sfp_keras.probe(model, *data, scaling=scaling, **given)

    first = call(0.5, 0.1, 0.2)
    for changed in ((0.51, 0.1, 0.2), (0.2, 0.1, 0.5)):
        with pytest.raises(InputError, match=r"results of images that `scaling` made otherwise"):
            call(*changed)
    assert call(0.5, 0.1, 0.2).table.equals(first.table)
    with pytest.raises(InputError, match=r"^`scaling` makes numbers .* not finite$"):
        call(np.nan, 0.1, 0.2)


def test_folders_and_a_function_of_images(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("training", 6), ("held_out", 3)):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / split / name / f"{number}.png")
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, name="conv")(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    seen = []

    def halved(images):
        seen.append(images)
        return images / 510

    result = sfp_keras.probe(
        model,
        tmp_path / "training",
        tmp_path / "held_out",
        "conv",
        scaling=halved,
        epochs=1,
        monitor=False,
        quiet=True,
    )
    assert result.class_names == ("cat", "dog")
    assert result.accuracy is None  # Three outputs, two labels.
    assert result.fields["conv"].label_counts.tolist() == [3, 3]
    assert {images.shape[1:] for images in seen[1:]} == {(8, 8, 1)}
    assert max(images.max() for images in seen) > 100
    folder = result._folder.path
    assert folder.is_dir()
    del result
    gc.collect()
    assert not folder.exists()


def refused(model, digits, *data, **changed):
    given = {"train": arrays(digits.train), "test": arrays(digits.test), **changed}
    with pytest.raises(InputError) as error:
        sfp_keras.probe(model, *data, **given)
    return str(error.value)


def test_mistakes_are_said_before_any_work(model, digits, tmp_path):
    x, y = arrays(digits.test)
    assert "`epochs` must be a whole number, received '20'" in refused(model, digits, epochs="20")
    assert "`lr`=-1.0 must be at least 0" in refused(model, digits, lr=-1)
    message = refused(model, digits, treshold=0.5)
    assert message == "`treshold` is no argument of probe; did you mean threshold?"
    assert refused(model, digits, l2=1e-5).endswith("; did you mean head_l2?")
    message = refused(model, digits, train=(x.tolist(), y.tolist()))
    assert "`train` gives list of 359, not batches" in message
    assert "give a pair of NumPy arrays" in message
    assert "no argument of probe" in refused(model, digits, data_dir="x")
    assert "`stages`: no layer is called 'pool9'" in refused(model, digits, stages=["pool9"])
    assert "`stages` names none" in refused(model, digits, stages=[])
    assert "`pool`" in refused(model, digits, stages=["pool1"], pool={"deep": "avg:2"})
    assert "`threshold`=1.5 must be" in refused(model, digits, threshold=1.5)
    assert "`split`=all must be one or more of test, train" in refused(model, digits, split="all")
    assert "`test` is needed" in refused(model, digits, test=None)
    assert "give both as folders" in refused(model, digits, test="photos")
    assert "`train`=photos does not exist" in refused(model, digits, train="photos", test=None)
    assert "`test`=photos does not exist" in refused(
        model, digits, train=str(tmp_path), test="photos"
    )
    message = refused(model, digits, train=(x[:, :7], y), test=(x[:, :7], y))
    assert "`train`: images have shape (7, 8, 3), model 'tiny' takes (8, 8, 3)" in message
    assert "`scaling` must be a text or a function" in refused(model, digits, scaling=3)
    assert "`scaling`='0..2' is not one of" in refused(model, digits, scaling="0..2")
    assert "`model` must be a keras.Model" in refused(None, digits)
    assert "is no network with a name" in refused("tiny", digits)
    assert "names a network without weights" in refused("vgg6", digits)
    message = refused(model, digits, scaling=lambda images: images[:, :5])
    assert "makes images of shape (5, 8, 3) from (8, 8, 3)" in message


def test_a_label_without_test_images_is_named_once_and_the_output_that_is_read(
    digits, capsys, caplog
):
    x, y = (one[:60] for one in arrays(digits.train))
    image = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, name="conv")(image))
    heads = [keras.layers.Dense(size, name=f"of_{size}")(flat) for size in (3, 10)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sfp_keras.probe(keras.Model(image, heads), (x, y), (x[y != 3], y[y != 3]), "conv", epochs=1)
    assert not [one for one in caught if "1 of 10 labels" in str(one.message)]
    assert caplog.text.count("no test images of 1 of 10 labels (3)") == 1
    assert "its own test accuracy of its output 'of_10' is" in capsys.readouterr().out


def test_settings_that_do_nothing_are_said(model, digits):
    message = refused(model, digits, image_size=(96, 96), test_fraction=0.5)
    assert "`image_size`, `test_fraction` without effect for images that are given" in message
    few = tuple(one[:60] for one in arrays(digits.train))
    given = {"train": few, "test": few, "stages": "deep", "epochs": 1, "monitor": False}
    idle = r"^`mixup`, `rand_augment` without effect for a trained model"
    with pytest.warns(UserWarning, match=idle), pytest.warns(UserWarning, match="near chance"):
        sfp_keras.probe(model, **given, quiet=True, rand_augment=2, mixup=0.5)
    needs = "^`shift` without effect without `head_data`='augmented'$"
    with pytest.warns(UserWarning, match=needs), pytest.warns(UserWarning, match="near chance"):
        sfp_keras.probe(model, **given, quiet=True, shift=2)


def test_labels_are_counted_from_zero(model, digits):
    x, y = arrays(digits.test)
    data = {"train": (x, y + 1), "test": (x, y + 1)}
    assert "number them from 0 without gaps" in refused(model, digits, **data)
    kept = y != 4
    data = {"train": (x[kept], y[kept]), "test": (x[kept], y[kept])}
    assert "have 9 labels, numbered up to 9 with numbers left out" in refused(model, digits, **data)
    data = {"train": (x, y * 0), "test": (x, y * 0)}
    assert "have one label" in refused(model, digits, **data)
    message = refused(model, digits, class_names=["a", "b"])
    assert "`train`: labels run up to 9, `class_names` has 2 names, for 0 to 1" in message


def test_a_scaling_that_the_model_does_too_is_named(digits):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(keras.layers.Rescaling(1 / 255, name="unit")(image))
    scaled = keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
    mend = "'unit' scales images too: with `scaling`=-1..1 .*; give `scaling`=0..255$"
    with pytest.warns(UserWarning, match=mend):
        refused(scaled, digits, scaling="-1..1", stages="none")


def test_the_record_has_all_that_was_given():
    given = {"stages": ["pool1"], "epochs": 3, "run_dir": "here", "lr": None}
    further = {"head_l2": 0.1, "decisions": True, "overwrite": "heads", "cache_gib": 2}
    assert called_experiment("tiny", None, given, further).command() == (
        "sfp_keras.probe(model, train, test, stages=['pool1'], run_dir='here', epochs=3, "
        "head_l2=0.1, cache_gib=2.0, decisions=True)"
    )


def test_what_is_of_another_kind_is_refused_by_its_name(result, model, digits):
    with pytest.raises(
        InputError, match="`clusters` must be FilterClusters, such as find_clusters"
    ):
        sfp_keras.cluster_mask(result.fields["deep"])
    for function in (sfp_keras.layer_statistics, sfp_keras.unused_filters):
        with pytest.raises(InputError, match="received those of all stages: name one"):
            function(result.clusters)
    with pytest.raises(InputError, match=r"must be FilterFields, .* of all stages: name one"):
        sfp_keras.find_clusters(result.fields)
    with pytest.raises(InputError, match=r"`fields` must be FilterFields, .* received FilterClu"):
        sfp_keras.layer_robustness(result.clusters["deep"])
    with pytest.raises(InputError, match="`stages` must be names of layers, received MaxPooling2D"):
        sfp_keras.cut_stages(model, model.get_layer("pool1"))
    assert "`stages` must be a text" in refused(model, digits, stages=model.get_layer("pool1"))
    assert "`stages` must be a text, received 3" in refused(model, digits, stages=3)


def test_mends_of_shapes_and_names(model, digits):
    x, y = arrays(digits.test)
    message = refused(model, digits, train=(x[..., 0], y), test=(x[..., 0], y))
    assert "takes (8, 8, 3); change them first, grey to three channels by np.repeat" in message
    first = np.moveaxis(x, -1, 1)
    message = refused(model, digits, train=(first, y), test=(first, y))
    assert message.endswith("change them first, channels go last: np.moveaxis(x, 1, -1)")
    message = refused(model, digits, head_epochs=3)
    assert message == "`head_epochs` is no argument of probe: it is called `epochs` here"
    assert "`data_dir` is no argument of probe" in refused(model, digits, data_dir="x")


def test_what_is_no_model_is_refused_everywhere():
    for function in (sfp_keras.compact_head, sfp_keras.strip_masks, sfp_keras.network_report):
        with pytest.raises(InputError, match=r"`model` must be .* received str 'a.keras'"):
            function("a.keras")


def test_members_of_a_committee_are_paths():
    for wrong in (None, 3, [None], ["runs/a", 1]):
        with pytest.raises(InputError, match="`members` must be paths of run directories"):
            sfp_keras.committee(wrong)
    for one in ("runs/nowhere", Path("runs/nowhere")):
        with pytest.raises(InputError, match="`members`: folder runs/nowhere does not exist"):
            sfp_keras.committee(one)
