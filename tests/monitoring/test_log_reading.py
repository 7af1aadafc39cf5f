"""What a monitor has written is read back without TensorBoard."""

import dataclasses

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.monitoring import MonitorWriter, read_log
from sfp_keras.monitoring.schema import About, header_of

DEPTHS = {"last/conv": 3, 'a "first"': 1}


def fields_at(stage, step):
    """Features of a stage that are the same at all steps, and a kernel that is not."""
    features = np.random.default_rng(DEPTHS[stage]).random((3, 2, 4))
    kernel = np.random.default_rng([step, DEPTHS[stage]]).random((2, 4, 3))
    return FilterFields(features, kernel, np.full(3, 5), (2,))


def write(folder, steps, *, shared, first=None, again=()):
    with MonitorWriter(folder) as writer:
        writer.about(About("heads", ("x", "y", "z"), 0.4, first_step=first))
        for stage in again:
            header = header_of(stage, DEPTHS[stage], 0, fields_at(stage, 0))
            writer.stage(dataclasses.replace(header, first_step=min(steps)))
        for step in steps:
            for stage in again or DEPTHS:
                fields = fields_at(stage, step)
                header = header_of(stage, DEPTHS[stage], step, fields)
                writer.measurement(header, fields, shared_features=shared)


@pytest.mark.parametrize("shared", [True, False])
def test_measurements_are_read_as_they_were_written(tmp_path, shared):
    write(tmp_path, [5, 0, 12], shared=shared)
    log = read_log(tmp_path)
    assert (log.labels, log.threshold) == (("x", "y", "z"), 0.4)
    assert list(log.stages) == sorted(DEPTHS, key=DEPTHS.get)
    for stage, steps in log.stages.items():
        assert list(steps) == [0, 5, 12]
        for step, fields in steps.items():
            expected = fields_at(stage, step)
            np.testing.assert_array_equal(fields.kernel, expected.kernel.astype(np.float32))
            np.testing.assert_array_equal(fields.features, expected.features.astype(np.float32))
            assert fields.position_shape == (2,)
            assert fields.label_counts.tolist() == [5, 5, 5]


def test_a_training_that_begins_again_replaces_its_later_steps(tmp_path):
    write(tmp_path, [0, 5, 10], shared=True)
    write(tmp_path, [5, 7], shared=True, first=5)
    log = read_log(tmp_path)
    assert [list(steps) for steps in log.stages.values()] == [[0, 5, 7], [0, 5, 7]]
    write(tmp_path, [2], shared=True, again=["last/conv"])
    log = read_log(tmp_path)
    assert [list(steps) for steps in log.stages.values()] == [[0, 5, 7], [0, 2]]


def test_a_file_that_was_cut_off_is_read_up_to_there(tmp_path):
    write(tmp_path, [0, 1], shared=False)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-200])
    assert [list(steps) for steps in read_log(tmp_path).stages.values()] == [[0, 1], [0, 1]]
    file.write_bytes(whole[: len(whole) // 2])
    first = next(iter(read_log(tmp_path).stages.values()))
    assert list(first) == [0]
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 1
    file.write_bytes(damaged)
    assert sum(map(len, read_log(tmp_path).stages.values())) < 4


def test_a_folder_without_measurements_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="holds no measurements"):
            read_log(folder)
