"""What a report reads of the measurements that monitors have left in a run."""

from pathlib import Path

import numpy as np

from sfp_keras.filters import FilterFields, find_clusters, follow_clusters
from sfp_keras.monitoring import MonitorWriter
from sfp_keras.monitoring.schema import About, header_of
from sfp_keras.runs import RunFiles
from sfp_keras.workflows.report.followed import read_followed


def fields_at(step: int, labels: int = 4) -> FilterFields:
    rng = np.random.default_rng(step)
    kernel = rng.normal(size=(1, 5, labels)).astype(np.float32)
    features = rng.random((labels, 1, 5)).astype(np.float32)
    return FilterFields(features, kernel, np.full(labels, 3), ())


def write(folder: Path, stages: dict[str, int], labels: int = 4) -> None:
    with MonitorWriter(folder) as writer:
        writer.about(About("heads", tuple("abcdefgh"[:labels]), 0.3))
        for depth, (stage, steps) in enumerate(stages.items()):
            for step in range(steps):
                fields = fields_at(step, labels)
                writer.measurement(header_of(stage, depth, step, fields), fields)


def test_stages_of_several_steps_are_followed_at_the_report_s_threshold(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert read_followed(files, ["layer2"], 4, 0.3) == {}
    write(files.events("heads"), {"layer1": 3, "layer2": 3, "layer3": 2})
    write(files.events("train"), {"own": 4})
    write(files.events("train_stages"), {"layer1": 3, "layer2": 4})
    found = read_followed(files, ["layer2", "layer3"], 4, 0.6)
    assert list(found) == [("train", "own"), ("train_stages", "layer2"), ("heads", "layer2")]
    assert found["train_stages", "layer2"].steps.tolist() == [0, 1, 2, 3]
    expected = follow_clusters({step: find_clusters(fields_at(step), 0.6) for step in range(3)})
    np.testing.assert_array_equal(found["heads", "layer2"].life_id, expected.life_id)
    # Of other labels, or damaged.
    assert read_followed(files, ["layer2"], 5, 0.3) == {}
    (log,) = files.events("heads").iterdir()
    log.write_bytes(b"damaged")
    found = read_followed(files, ["layer2"], 4, 0.3)
    assert set(found) == {("train", "own"), ("train_stages", "layer2")}
