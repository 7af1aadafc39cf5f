"""What the writer writes is what TensorBoard's data provider reads, also when written again."""

import numpy as np
import pytest
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.context import RequestContext

from sfp_keras import FilterFields
from sfp_keras.monitoring import MonitorWriter, schema


def fields(seed):
    rng = np.random.default_rng(seed)
    return FilterFields(
        rng.normal(size=(3, 2, 4)).astype(np.float32),
        rng.normal(size=(2, 4, 3)).astype(np.float32),
        np.array([5, 6, 7]),
        (2,),
    )


def write(folder, seed, shared=False):
    with MonitorWriter(folder) as writer:
        writer.about(schema.About("final", ("a", "b", "c"), 0.3))
        made = fields(seed)
        header = schema.header_of("s", 0, 3, made, correct=[1, 2, seed])
        writer.measurement(header, made, shared_features=shared)
        assert writer.bytes_written > 0


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_written_again_counts(shared, tmp_path):
    for seed in (1, 2):
        write(tmp_path / "run", seed, shared)
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    found = provider.read_blob_sequences(
        ctx=RequestContext(), experiment_id="", plugin_name="clusters", downsample=100
    )["run"]

    def blobs(tag):
        references = found[tag][-1].values
        return [provider.read_blob(ctx=RequestContext(), blob_key=r.blob_key) for r in references]

    header, kernel, *features = blobs("s/factors/3")
    header = schema.decode_header(header)
    assert header.correct == (1, 2, 2)
    if shared:
        _, *features = blobs("s/features")
    read = schema.decode_fields(header, kernel, *features)
    np.testing.assert_array_equal(read.kernel, fields(2).kernel)
    np.testing.assert_array_equal(read.features, fields(2).features)


def test_files_of_one_second_sort_in_the_order_they_were_written(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 17 * 10**17)
    written = []
    for seed in range(1, 12):
        write(tmp_path / "run", seed)
        (new,) = {path.name for path in (tmp_path / "run").iterdir()} - set(written)
        written.append(new)
    assert written == sorted(written)


def test_a_clock_that_is_set_back_makes_nothing_older_than_what_came_before(tmp_path, monkeypatch):
    times = iter([100.0, 100.0, 90.0, 110.0])
    monkeypatch.setattr("sfp_keras.monitoring.event_file.time.time", lambda: next(times))
    with MonitorWriter(tmp_path) as writer:
        for step in range(3):
            writer.scalars("s", step, {"noise": 1.0})
    (path,) = tmp_path.iterdir()
    events = list(EventFileLoader(str(path)).Load())
    assert [event.wall_time for event in events] == [100, 100, 100, 110]
