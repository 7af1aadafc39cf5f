"""What the command writes for TensorBoard, beside the results it belongs to."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from calling import call_again
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext

from sfp_keras.monitoring import schema


class Log:
    """The log as TensorBoard's own data provider reads it."""

    def __init__(self, folder: Path):
        multiplexer = plugin_event_multiplexer.EventMultiplexer()
        multiplexer.AddRunsFromDirectory(str(folder))
        multiplexer.Reload()
        self.provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
        self.context = {"ctx": RequestContext(), "experiment_id": "e"}

    def tags(self) -> dict[str, set[str]]:
        found = self.provider.list_blob_sequences(**self.context, plugin_name="clusters")
        return {run: set(tags) for run, tags in found.items()}

    def blobs(self, run: str, tag: str) -> list[bytes]:
        (series,) = (
            self.provider.read_blob_sequences(
                **self.context, plugin_name="clusters", downsample=100
            )[run].pop(tag),
        )
        return [
            self.provider.read_blob(ctx=self.context["ctx"], blob_key=value.blob_key)
            for value in series[-1].values
        ]

    def scalar(self, run: str, tag: str) -> dict[int, float]:
        series = self.provider.read_scalars(**self.context, plugin_name="scalars", downsample=100)[
            run
        ][tag]
        return {point.step: point.value for point in series}


@pytest.fixture(scope="module")
def run(colour_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Logs after a whole run, another threshold, redone heads, and a run without events."""
    folder = tmp_path_factory.mktemp("events") / "run"
    flags = [
        *("--model=vgg6", "--filters=1:8,2:16,3:32,4:64,5:32", "--batch_size=8"),
        *("--dataset=folder", f"--data_dir={colour_folder}"),
        *("--epochs=3", "--head_epochs=4", "--stages=layer4,layer5", f"--run_dir={folder}"),
        *("--monitor_every=2", "--monitor_stages_every=2", "--monitor_stages_epochs=1"),
    ]
    call_again(*flags)
    logs = {"first": Log(folder / "events")}
    errors = ["--bootstrap", "--head_seeds=2", "--shuffled_labels"]
    call_again(*flags, "--threshold=0.6", "--split=train,test", *errors)
    logs["threshold"] = Log(folder / "events")
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("intervals", "heads")}
    layers = pd.read_csv(folder / "layers.csv").set_index(["stage", "split", "threshold"])
    call_again(*flags, "--overwrite=heads", "--nomonitor", "--head_epochs=1")
    left = sorted(path.name for path in (folder / "events").iterdir() if any(path.iterdir()))
    return SimpleNamespace(folder=folder, logs=logs, layers=layers, left=left, tables=tables)


def test_each_phase_is_a_run_of_its_own(run: SimpleNamespace) -> None:
    heads = {
        f"{stage}/{tag}"
        for stage in ("layer4", "layer5")
        for tag in ("header", "features", "factors/1", "factors/3")
    }
    assert run.logs["first"].tags() == {
        "train": {"about", "layer5/factors/0", "layer5/factors/2"},
        "train_stages": {
            "about",
            *(f"{stage}/factors/{step}" for stage in ("layer4", "layer5") for step in (0, 2)),
        },
        "heads": {"about", *heads},
        "final": {"about", "layer4/factors/3", "layer5/factors/3"},
    }
    assert set(run.logs["threshold"].tags()) == {
        *("train", "train_stages", "heads", "final", "final_train"),
    }


def test_final_factors_are_those_of_the_run_directory(run: SimpleNamespace) -> None:
    log = run.logs["first"]
    about = schema.decode_about(log.blobs("final", "about")[0])
    assert (about.phase, about.labels) == ("final", ("blue", "green", "red"))
    # All of it was written again: nothing that is older counts.
    assert about.first_step == 0
    depths = []
    for stage in ("layer4", "layer5"):
        header, kernel, features = log.blobs("final", f"{stage}/factors/3")
        header = schema.decode_header(header)
        assert (header.stage, header.step, header.split) == (stage, 3, "test")
        fields = schema.decode_fields(header, kernel, features)
        threshold = run.logs["threshold"].blobs("final", f"{stage}/factors/3")
        assert threshold[1:] == [kernel, features]
        assert fields.label_counts.tolist() == [4, 4, 4]
        depths.append(header.depth)
    assert depths[0] < depths[1]


def test_heads_share_their_features_and_end_at_the_final_kernel(run: SimpleNamespace) -> None:
    log = run.logs["first"]
    for stage in ("layer4", "layer5"):
        header, features = log.blobs("heads", f"{stage}/features")
        blobs = log.blobs("heads", f"{stage}/factors/3")
        last = schema.decode_fields(schema.decode_header(blobs[0]), blobs[1], features)
        _, kernel, exact = log.blobs("final", f"{stage}/factors/3")
        assert blobs[1] == kernel
        # Heads are measured on the float16 cache, the final fields in float32.
        exact = np.frombuffer(exact, "<f4").reshape(last.features.shape)
        np.testing.assert_allclose(last.features, exact, rtol=2e-3, atol=1e-3)
        assert log.blobs("heads", f"{stage}/factors/1")[1] != kernel
        assert schema.decode_header(header).stage == stage


def test_scalars_are_the_numbers_of_the_tables(run: SimpleNamespace) -> None:
    for name, split in (("final", "test"), ("final_train", "train")):
        for stage in ("layer4", "layer5"):
            row = run.layers.loc[(stage, split, 0.6)]
            for column in ("accuracy", "noise", "clusters", "snr_external"):
                found = run.logs["threshold"].scalar(name, f"{stage}/{column}")
                assert found[3] == pytest.approx(row[column], rel=1e-6, nan_ok=True)
    training = run.logs["first"].scalar("train", "layer5/accuracy")
    assert set(training) == {0, 2}


def test_final_headers_have_the_errors_of_the_tables(run: SimpleNamespace) -> None:
    for name, split in (("final", "test"), ("final_train", "train")):
        for stage in ("layer4", "layer5"):
            blob = run.logs["threshold"].blobs(name, f"{stage}/factors/3")[0]
            (bars,) = schema.decode_header(blob).bars
            assert bars.threshold == 0.6
            of = {
                table: rows[(rows["stage"] == stage) & (rows["split"] == split)]
                for table, rows in run.tables.items()
            }
            for row in of["intervals"].itertuples():
                wanted = (row.error, row.low, row.high)
                np.testing.assert_array_equal(bars.intervals[row.quantity], wanted)
            assert list(bars.heads) == ["seed0", "seed1", "shuffled0"] == list(of["heads"]["head"])
            assert bars.heads["shuffled0"]["noise"] == of["heads"]["noise"].iloc[2]
    assert schema.decode_header(run.logs["first"].blobs("final", "layer4/factors/3")[0]).bars == ()


def test_redone_phases_take_their_events_with_them(run: SimpleNamespace) -> None:
    assert run.left == ["train", "train_stages"]
