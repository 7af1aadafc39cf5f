"""One pass over labelled images, which feeds every accumulator of every stage."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.data import labelled_batches
from sfp_keras.errors import InputError
from sfp_keras.probing.accumulator import Accumulator, Accumulators, ProbedStage
from sfp_keras.probing.cutting import StageModel, with_trained_views
from sfp_keras.probing.features import Labelled, position_shapes, stage_outputs
from sfp_keras.probing.heads import Head

# The heads of some stages, by name; or the head of the only stage.
Heads = Mapping[str, Head | np.ndarray] | Head | np.ndarray


def measure_stages(
    cut: keras.Model,
    kernels: Heads,
    batches: Labelled,
    accumulators: Accumulators,
    checkpoint: PassCheckpoint | None = None,
) -> dict[str, dict[str, Any]]:
    """Run every batch once through the cut network and hand the outputs to all accumulators.

    Example:

    ```python
    found = measure_stages(
        cut,
        {"layer2": heads["layer2"], "layer13": heads["layer13"]},
        (x_test, y_test),
        {
            "layer2": {"fields": FieldsAccumulator},
            "layer13": {"fields": FieldsAccumulator, "decisions": DecisionsAccumulator},
        },
    )
    found["layer13"]["fields"].accuracy
    ```

    Args:
        cut: model of `cut_stages`.
        kernels: dict from stage name to its `Head`, as `train_heads` gives them, or to the head's
            (P, F, K) float32 weights; or that of the only stage alone.
        batches: images with labels (n,), integers in 0 .. K-1: a pair of arrays `(x, y)`, or
            batches of such pairs in a fixed order; or a function of the first row that gives
            batches from there on: only so a pass can go on.
        accumulators: dict from stage name to a dict from a name to what makes an `Accumulator`
            of a `ProbedStage`, a class for example.
        checkpoint: `PassCheckpoint` from which a pass that was killed goes on, with the same
            results to the last bit. The caller deletes it, after the results are used. Defaults
            to `None`.

    Returns:
        Dict from stage name to a dict from the accumulator's name to its result.

    Raises:
        InputError: if a label lies outside 0 .. K-1, a stage has no head or a head does not fit
            its stage, heads are of different numbers of labels, or the batches do not end.
    """
    cut, stages = probed_stages(cut, kernels)
    return pass_images(cut, stages, batches, accumulators, checkpoint)


def pass_images(
    cut: keras.Model,
    stages: Mapping[str, ProbedStage],
    batches: Labelled,
    accumulators: Accumulators,
    checkpoint: PassCheckpoint | None = None,
) -> dict[str, dict[str, Any]]:
    """`measure_stages` of a model whose outputs need not be what the heads read.

    Args:
        cut: a model with one output a stage, which the accumulators are given.
        stages: dict from stage name to its `ProbedStage`, in the order of the outputs.
        batches: as of `measure_stages`.
        accumulators: as of `measure_stages`.
        checkpoint: as of `measure_stages`.

    Returns:
        As `measure_stages`.

    Raises:
        InputError: if a label lies outside 0 .. K-1, or the batches do not end.
    """
    running = _Running(stages, accumulators, checkpoint if callable(batches) else None)
    if callable(batches):
        batches = batches(running.images)
    num_labels = next(iter(stages.values())).num_labels
    for outputs, labels in stage_outputs(cut, labelled_batches(batches), running.largest_batch):
        if len(labels) and not (labels.min() >= 0 and labels.max() < num_labels):
            raise InputError(
                f"`batches`: labels run from {labels.min()} to {labels.max()}, the heads have "
                f"{num_labels} outputs"
            )
        running.add(outputs, labels)
    return {
        stage: {name: accumulator.result() for name, accumulator in of_stage.items()}
        for stage, of_stage in running.accumulators.items()
    }


class _Running:
    """The accumulators of a pass, and how many images they have seen."""

    def __init__(
        self,
        stages: Mapping[str, ProbedStage],
        accumulators: Accumulators,
        checkpoint: PassCheckpoint | None,
    ):
        self.checkpoint = checkpoint
        self.images = self.largest_batch = 0
        self.accumulators = self._made(stages, accumulators)
        saved = checkpoint.read() if checkpoint else {}
        if not saved:
            return
        try:
            whole = all(each.restore(_part(saved, key)) for key, each in self._all())
            images, largest_batch = int(saved["images"]), int(saved["largest_batch"])
        except (KeyError, ValueError, TypeError):
            whole = False
        if whole:
            self.images, self.largest_batch = images, largest_batch
        else:
            self.accumulators = self._made(stages, accumulators)

    def _made(
        self, stages: Mapping[str, ProbedStage], accumulators: Accumulators
    ) -> dict[str, dict[str, Accumulator]]:
        made: dict[str, dict[str, Accumulator]] = {}
        for place, (stage, probed) in enumerate(stages.items()):
            made[stage] = {}
            for name, make in accumulators[stage].items():
                scratch = self.checkpoint.beside(f"{place}-{name}") if self.checkpoint else None
                made[stage][name] = make(dataclasses.replace(probed, scratch=scratch))
        return made

    def _all(self) -> list[tuple[str, Accumulator]]:
        """All accumulators, each with the key of its arrays in the checkpoint."""
        return [
            (f"{place}.{name}.", accumulator)
            for place, of_stage in enumerate(self.accumulators.values())
            for name, accumulator in of_stage.items()
        ]

    def add(self, outputs: list[np.ndarray], labels: np.ndarray) -> None:
        """Hand a batch to every accumulator, and keep where the pass is if it is time to."""
        for of_stage, output in zip(self.accumulators.values(), outputs, strict=True):
            positions = output.reshape(len(output), -1, output.shape[-1])
            for accumulator in of_stage.values():
                accumulator.add(positions, labels)
        self.images += len(labels)
        self.largest_batch = max(self.largest_batch, len(labels))
        if self.checkpoint is not None and self.checkpoint.due:
            arrays = {
                key + name: array
                for key, accumulator in self._all()
                for name, array in accumulator.state().items()
            }
            self.checkpoint.save(
                images=np.int64(self.images), largest_batch=np.int64(self.largest_batch), **arrays
            )


def _part(arrays: Mapping[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    """The arrays of one accumulator."""
    return {name.removeprefix(key): arrays[name] for name in arrays if name.startswith(key)}


def heads_by_stage(cut: keras.Model, heads: Heads) -> dict[str, Head | np.ndarray]:
    """The head of each stage of a cut model, in the order of its outputs.

    Args:
        cut: model of `cut_stages`, or any whose outputs are in the order of the heads.
        heads: as of `measure_stages`.

    Raises:
        InputError: if a stage has no head, or a head no stage.
    """
    names = list(getattr(cut, "output_names", ()))
    if not isinstance(heads, Mapping):
        heads = dict.fromkeys(names, heads)
        if len(heads) > 1:
            raise InputError(
                f"`kernels`: one head for the stages {', '.join(names)}; give a dict with one each"
            )
    if set(heads) == set(names):
        return {name: heads[name] for name in names}
    # A single head can only be of the single stage, whatever it is called.
    mixed_up = isinstance(cut, StageModel) and len(heads) > 1
    if mixed_up or len(heads) != len(cut.outputs):
        raise InputError(
            f"`kernels`: heads of {', '.join(heads) or 'no stage'}; the model is cut at "
            f"{', '.join(names)}: give each of these a head, and no other"
        )
    return dict(heads)


def probed_stages(cut: keras.Model, heads: Heads) -> tuple[keras.Model, dict[str, ProbedStage]]:
    """The stages of a cut model with their heads; refused where they do not fit.

    Args:
        cut: as of `measure_stages`.
        heads: as of `measure_stages`.

    Returns:
        The model that puts out what the heads read, and the stages by name.
    """
    by_stage = heads_by_stage(cut, heads)
    poolings = [head.pooling if isinstance(head, Head) else {} for head in by_stage.values()]
    cut = with_trained_views(cut, poolings)
    kernels = {
        name: np.asarray(head.kernel if isinstance(head, Head) else head)
        for name, head in by_stage.items()
    }
    shapes = position_shapes(cut, list(kernels))
    for (name, kernel), output in zip(kernels.items(), cut.outputs, strict=True):
        filters = int(output.shape[-1])
        positions = int(np.prod(shapes[name], dtype=int))
        if kernel.ndim != 3 or kernel.shape[:2] != (positions, filters):
            raise InputError(
                f"`kernels`: the head of stage {name} has shape {kernel.shape}; the stage needs "
                f"({positions}, {filters}, labels)"
            )
    counts = {name: kernel.shape[2] for name, kernel in kernels.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"`kernels`: heads have different numbers of labels: {counts}")
    return cut, {
        name: ProbedStage(name, np.asarray(kernel, np.float32), shapes[name])
        for name, kernel in kernels.items()
    }
