"""One pass for several accumulators: what each is given, and how a stopped pass goes on."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.probing import (
    DecisionsAccumulator,
    FieldsAccumulator,
    PartMeansAccumulator,
    ProbedStage,
    measure_decisions,
    measure_fields,
    measure_stages,
    spread_filters,
)

IMAGES, SIZE, K = 22, 4, 3
NAMES = ["one", "two"]
BOTH = {"fields": FieldsAccumulator, "decisions": DecisionsAccumulator}


class Stopped(Exception):
    """As good as a kill: nothing is written after it."""


def predict(images: np.ndarray) -> list[np.ndarray]:
    # Rows depend on how many there are, as those of a compiled function may in the last bit.
    x = images.reshape(len(images), 2, 2, 3).astype(np.float32) + len(images) / 1000
    return [np.tanh(x), np.maximum(x @ np.ones((3, 5), np.float32), 0)]


CUT: Any = SimpleNamespace(
    outputs=[keras.KerasTensor((None, 2, 2, 3)), keras.KerasTensor((None, 2, 2, 5))],
    predict_on_batch=predict,
)
KERNELS = {
    name: np.random.default_rng(1).normal(size=(4, filters, K)).astype(np.float32)
    for name, filters in zip(NAMES, (3, 5), strict=True)
}
PIXELS = np.random.default_rng(0).normal(size=(IMAGES, 12)).astype(np.float32)


def passes(stop: int | None = None):
    """A function of the first image, and the images it has read."""
    read: list[int] = []

    def batches(first: int):
        for row in range(first, IMAGES, SIZE):
            if stop is not None and row >= stop:
                raise Stopped
            rows = np.arange(row, min(row + SIZE, IMAGES))
            read.extend(rows.tolist())
            yield PIXELS[rows], rows % K

    return batches, read


def measured(path: Path, stop: int | None = None, of: str = "a"):
    batches, read = passes(stop)
    accumulators = dict.fromkeys(NAMES, BOTH)
    found = measure_stages(CUT, KERNELS, batches, accumulators, PassCheckpoint(path, of))
    return found, read


def equal(found: dict, other: dict) -> None:
    for name in NAMES:
        fields, others = found[name]["fields"], other[name]["fields"]
        np.testing.assert_array_equal(fields.fields.features, others.fields.features)
        np.testing.assert_array_equal(fields.fields.label_counts, others.fields.label_counts)
        np.testing.assert_array_equal(fields.correct, others.correct)
        for ours, theirs in zip(
            vars(found[name]["decisions"].count(slice(None))).values(),
            vars(other[name]["decisions"].count(slice(None))).values(),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassCheckpoint, "due", True)


@pytest.mark.usefixtures("always_due")
@pytest.mark.parametrize("stop", range(SIZE, IMAGES, SIZE))
def test_a_stopped_pass_goes_on_and_ends_in_the_same_bits(stop: int, tmp_path: Path) -> None:
    whole, _ = measured(tmp_path / "whole.npz")
    path = tmp_path / "pass.npz"
    with pytest.raises(Stopped):
        measured(path, stop)
    found, read = measured(path)
    assert read == list(range(stop, IMAGES))
    equal(found, whole)
    PassCheckpoint(path).delete()
    assert {file.name.split(".")[0] for file in tmp_path.iterdir()} == {"whole"}


@pytest.mark.usefixtures("always_due")
def test_rows_written_after_the_checkpoint_are_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = measured(tmp_path / "whole.npz")
    path = tmp_path / "pass.npz"
    with pytest.raises(Stopped):
        measured(path, 2 * SIZE)
    for file in tmp_path.glob("pass.npz.*"):
        with file.open("ab") as more:
            more.write(b"\1\2\3" * 7)
    found, read = measured(path)
    assert read == list(range(2 * SIZE, IMAGES))
    equal(found, whole)


@pytest.mark.usefixtures("always_due")
@pytest.mark.parametrize("damage", ["description", "short", "gone", "a pipe", "no labels"])
def test_a_pass_that_cannot_go_on_starts_over(damage: str, tmp_path: Path) -> None:
    whole, _ = measured(tmp_path / "whole.npz")
    path = tmp_path / "pass.npz"
    with pytest.raises(Stopped):
        measured(path, 3 * SIZE)
    (file,) = tmp_path.glob("pass.npz.1-*")
    if damage == "short":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "no labels":
        file.write_bytes(b"\xff" * file.stat().st_size)
    elif damage in ("gone", "a pipe"):
        file.unlink()
    if damage == "a pipe":
        os.mkfifo(file)
    found, read = measured(path, of="b" if damage == "description" else "a")
    assert read == list(range(IMAGES))
    equal(found, whole)


def test_each_stage_has_accumulators_of_its_own_and_alone_they_find_the_same() -> None:
    batches, _ = passes()
    accumulators = {"one": {"fields": FieldsAccumulator}, "two": {"mine": DecisionsAccumulator}}
    found = measure_stages(CUT, KERNELS, batches, accumulators)
    assert {stage: list(of) for stage, of in found.items()} == {"one": ["fields"], "two": ["mine"]}
    fields = measure_fields(CUT, KERNELS, passes()[0](0))
    np.testing.assert_array_equal(
        found["one"]["fields"].fields.features, fields["one"].fields.features
    )
    shown = {name: spread_filters(fields[name].fields, 2) for name in NAMES}
    decisions = measure_decisions(CUT, KERNELS, passes()[0](0), shown)
    np.testing.assert_array_equal(
        found["two"]["mine"].count(shown["two"]).counts, decisions["two"].counts
    )


class MeanMap:
    """The example of `Accumulator`."""

    def __init__(self, stage: ProbedStage):
        self.sum = np.zeros(stage.kernel.shape[:2])
        self.images = np.zeros((), np.int64)

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        self.sum += outputs.sum(axis=0)
        self.images += len(labels)

    def state(self) -> dict[str, Any]:
        return {"sum": self.sum, "images": self.images}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        self.sum, self.images = arrays["sum"], arrays["images"]
        return True

    def result(self) -> np.ndarray:
        return self.sum / max(1, self.images)


@pytest.mark.usefixtures("always_due")
def test_a_new_accumulator_is_one_class(tmp_path: Path) -> None:
    accumulators = {name: {"map": MeanMap} for name in NAMES}
    for stop in (3 * SIZE, None):
        batches, read = passes(stop)
        try:
            found = measure_stages(
                CUT, KERNELS, batches, accumulators, PassCheckpoint(tmp_path / "pass.npz")
            )
        except Stopped:
            assert stop
    assert read == list(range(3 * SIZE, IMAGES))
    for name, outputs in zip(NAMES, predict(PIXELS), strict=True):
        expected = outputs.reshape(IMAGES, 4, -1).mean(0)
        # `predict` of all images at once adds another number to them than that of a batch.
        np.testing.assert_allclose(found[name]["map"], expected, atol=0.1)


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="labels run from 0 to 3"):
        measure_fields(CUT, KERNELS, [(PIXELS[:2], np.array([0, 3]))])


def test_a_pass_without_images() -> None:
    decisions = measure_decisions(CUT, KERNELS, [])
    assert decisions["two"].inputs == 0
    assert decisions["two"].by_input.shape == (5, K)


@pytest.mark.usefixtures("always_due")
def test_images_of_a_label_go_to_its_parts_in_turn_and_a_stopped_pass_ends_the_same(
    tmp_path: Path,
) -> None:
    def run(stop: int | None = None):
        batches, _ = passes(stop)
        accumulators = {name: {"parts": PartMeansAccumulator} for name in NAMES}
        checkpoint = PassCheckpoint(tmp_path / "pass.npz", "parts")
        return measure_stages(CUT, KERNELS, batches, accumulators, checkpoint)

    with pytest.raises(Stopped):
        run(stop=12)
    found = run()
    for name in NAMES:
        parts = found[name]["parts"]
        outputs = np.concatenate(
            [predict(PIXELS[i : i + SIZE])[NAMES.index(name)] for i in range(0, IMAGES, SIZE)]
        ).reshape(IMAGES, 4, -1)
        right = np.einsum("npf,pfk->nk", outputs, KERNELS[name]).argmax(1) == np.arange(IMAGES) % K
        for label in range(K):
            # Fewer images than parts: each is one.
            own = outputs[label::K]
            np.testing.assert_allclose(parts.means[label, : len(own)], own, atol=0.01)
            np.testing.assert_array_equal(parts.correct[label, : len(own)], right[label::K])
            assert parts.counts[label].sum() == len(own)
    many = PartMeansAccumulator(ProbedStage("one", KERNELS["one"], (2, 2)))
    rows = np.random.default_rng(3).normal(size=(47, 4, 3)).astype(np.float32)
    many.add(rows[:30], np.zeros(30, int))
    many.add(rows[30:], np.zeros(17, int))
    parts = many.result()
    assert parts.counts[0].tolist() == [3] * 7 + [2] * 13
    np.testing.assert_allclose(parts.means[0, 1], rows[[1, 21, 41]].mean(0), rtol=1e-5)
