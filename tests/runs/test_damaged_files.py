"""What is no record, head or measurement of ours is refused by the file's name, whatever it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.files import save_npz
from sfp_keras.filters import FilterFields
from sfp_keras.runs import RunFiles
from sfp_keras.runs.single_head_files import read_single_heads, write_single_heads
from sfp_keras.runs.stage_results import read_head, read_measurement

RECORD: dict[str, Any] = {
    "format": 1,
    "flags": {"model": "vgg6"},
    "command": "python main.py",
    "versions": {"python": "3.12"},
    "git_revision": None,
    "data": "every+few",
    "phases": {"train": {}, "heads": {"stages": {"conv1": {"pool": "none", "head_group": ""}}}},
    "seconds": {"train": 1.5},
    "results": {
        **{"weights": "ab", "network_accuracy": 0.5, "stage_order": {"conv1": 3}},
        **{"kinds": {"conv1": "node"}, "attention_heads": {"conv1": 2}},
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The record with one value, at keys joined by slashes."""
    record = json.loads(json.dumps(RECORD))
    *way, last = path.split("/")
    part = record
    for key in way:
        part = part[key]
    part[last] = value
    return record


def test_a_record_is_read_back(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert files.record.read() == {}
    files.record.path.write_text(json.dumps(RECORD))
    assert files.record.read() == RECORD
    files.record.path.write_text(json.dumps(changed("results/network_accuracy", None)))
    assert files.record.results["network_accuracy"] is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("flags", []), ("command", 3), ("versions", {"python": 3}), ("data", None)),
        *(("phases/train", None), ("phases/heads/stages", ["conv1"]), ("format", 2)),
        *(("phases/heads/stages/conv1", "none"), ("phases/heads/stages/conv1/pool", 2)),
        *(("seconds/train", "long"), ("seconds/train", float("nan")), ("seconds/train", -1)),
        *(("results/weights", 1), ("results/network_accuracy", 1.5), ("results", [])),
        *(("results/network_accuracy", True), ("results/stage_order", {"conv1": 0.5})),
        *(("results/attention_heads/conv1", "4"), ("results/kinds/conv1", 4)),
        *(("results/stage_order/conv1", 2**62), ("device", {}), ("command", "\ud800")),
    ],
)
def test_a_record_with_a_wrong_value_is_refused(path: str, value: object, tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.record.path.write_text(json.dumps(changed(path, value)))
    with pytest.raises(InputError, match=r"experiment.json (is damaged|has format).*`run_dir`"):
        files.record.read()


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, "{}", "nul", "9" * 5000])
def test_what_is_no_record_is_refused(content: str, tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    files.record.path.write_text(content)
    with pytest.raises(InputError, match=r"damaged .* choose another `run_dir`, or delete"):
        files.record.read()
    files.model.touch()
    with pytest.raises(InputError, match=r"`run_dir` \(`model`=.*/model.keras takes the network"):
        files.record.read()


def measured(tmp_path: Path) -> tuple[RunFiles, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A run directory of a stage with 4 positions, 3 filters and 2 labels, and its arrays."""
    rng = np.random.default_rng(0)
    head = {
        "kernel": rng.normal(size=(4, 3, 2)).astype(np.float32),
        "position_shape": np.array([2, 2]),
        "pool_kernel": rng.normal(size=(3, 1)).astype(np.float32),
    }
    fields = {
        "features": rng.random((2, 4, 3), np.float32),
        "label_counts": np.array([5, 7]),
        "correct": np.array([5, 0]),
    }
    files = RunFiles(tmp_path)
    save_npz(files.stage("conv1").head, **head)
    save_npz(files.stage("conv1").split("test").fields, **fields)
    return files, head, fields


def test_a_measurement_is_read_back(tmp_path: Path) -> None:
    files, head, fields = measured(tmp_path)
    found = read_measurement(files, "conv1", "test")
    np.testing.assert_array_equal(found.fields.features, fields["features"], strict=True)
    np.testing.assert_array_equal(found.fields.kernel, head["kernel"], strict=True)
    assert found.fields.position_shape == (2, 2)
    assert found.accuracy == 5 / 12


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("kernel", lambda x: x.astype(complex)),
        ("kernel", lambda x: x.astype(float)),
        ("kernel", lambda x: x * np.float32(np.nan)),
        ("kernel", lambda x: x[0]),
        ("kernel", lambda x: x.astype("U9")),
        ("position_shape", lambda x: -x),
        ("position_shape", lambda x: x.astype(float)),
        ("position_shape", lambda x: x[None]),
        ("position_shape", lambda x: x[0]),
        ("position_shape", lambda x: x + 2**40),
        ("pool_kernel", lambda x: x.astype(float)),
        ("pool_kernel", lambda x: x * np.float32(np.inf)),
    ],
)
def test_a_head_with_a_wrong_array_is_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    files, head, _ = measured(tmp_path)
    path = files.stage("conv1").head
    save_npz(path, **{**head, name: change(head[name])})
    for read in (read_head, lambda *args: read_measurement(*args, "test")):
        with pytest.raises(InputError, match=r"head.npz is damaged .*; delete it"):
            read(files, "conv1")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("features", lambda x: x + 1j),
        ("features", lambda x: x[:, :3]),
        ("features", lambda x: x * np.float32(np.inf)),
        ("features", lambda x: x.astype(np.float16)),
        ("features", lambda x: x.astype("m8[s]")),
        ("correct", lambda x: x + 2**62),
        ("correct", lambda x: x - 1),
        ("correct", lambda x: x[None]),
        ("correct", lambda x: x / 2),
        ("correct", lambda x: x[:1]),
        ("label_counts", lambda x: x + 2**62),
        ("label_counts", lambda x: x.astype(bool)),
    ],
)
def test_fields_with_a_wrong_array_are_refused(
    name: str, change: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    files, _, fields = measured(tmp_path)
    save_npz(files.stage("conv1").split("test").fields, **{**fields, name: change(fields[name])})
    with pytest.raises(InputError, match=r"fields.npz (is damaged|and .* do not fit) .*; delete"):
        read_measurement(files, "conv1", "test")


def of_nodes(heads: int | None = None) -> FilterFields:
    rng = np.random.default_rng(2)
    features, kernel = rng.random((3, 1, 6), np.float32), rng.random((1, 6, 3), np.float32)
    nodes = FilterFields(features, kernel, np.full(3, 4), ())
    return nodes if heads is None else nodes.by_heads(heads)


@pytest.mark.parametrize("fields", [of_nodes(), of_nodes(2)], ids=["nodes", "heads"])
def test_heads_silenced_at_the_input_are_read_back(fields: FilterFields, tmp_path: Path) -> None:
    files = RunFiles(tmp_path).stage("conv1").split("test")
    assert read_single_heads(files, fields) is None
    after = of_nodes(2)
    at_input = FilterFields(after.features + 1, after.kernel, after.label_counts, (3,))
    write_single_heads(files, at_input)
    found = read_single_heads(files, fields)
    assert found is not None
    for one, other in ((found.after_pooling, after), (found.at_input, at_input)):
        np.testing.assert_array_equal(one.features, other.features, strict=True)
        np.testing.assert_array_equal(one.kernel, other.kernel, strict=True)
        assert one.position_shape == (3,)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(float),
        lambda x: x.astype("U9"),
        lambda x: x * np.float32(np.nan),
        lambda x: x[0],
        lambda x: x[:2],
        lambda x: x[..., :0],
        lambda x: x[:, :, :1],
        lambda x: np.concatenate([x, x], axis=2),
    ],
)
@pytest.mark.parametrize("fields", [of_nodes(), of_nodes(2)], ids=["nodes", "heads"])
def test_heads_with_a_wrong_array_are_refused(
    fields: FilterFields, change: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    files = RunFiles(tmp_path).stage("conv1").split("test")
    save_npz(files.single_heads, features=change(of_nodes(2).features))
    with pytest.raises(InputError, match=r"single_heads.npz is damaged .*; delete it"):
        read_single_heads(files, fields)
