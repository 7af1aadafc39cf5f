"""Single-head performance from one pass over labelled images."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, SingleHeadFields, pool_heads_alone
from sfp_keras.filters.grouping import check_groups
from sfp_keras.probing.accumulator import ProbedStage
from sfp_keras.probing.class_means import ClassMeans
from sfp_keras.probing.features import Labelled, position_shapes
from sfp_keras.probing.heads import Head
from sfp_keras.probing.image_pass import pass_images


def measure_single_heads(
    cut: keras.Model,
    kernels: Mapping[str, Head],
    batches: Labelled,
    num_heads: int | Mapping[str, int],
    checkpoint: PassCheckpoint | None = None,
) -> dict[str, SingleHeadFields]:
    """Silence all attention heads but one, for each head, after the pooling and before it.

    Example:

    ```python
    cut = cut_stages(model, ["encoder1_heads"], pool="sequence")
    heads = train_heads(cache_features(cut, None, (x, y), (x_test, y_test)))
    single = measure_single_heads(cut, heads, (x_test, y_test), num_heads=4)["encoder1_heads"]
    single.at_input.matrix(0)   # (K, K) of head 0
    single.mean_difference      # how much it matters where the others are silenced
    ```

    Args:
        cut: model of `cut_stages`, every stage of which is the output of attention heads, one
            behind another, with the pooling `sequence` or `sequence+heads:<n>`.
        kernels: dict from stage name to its `Head`, as `train_heads` gives them.
        batches: images with labels (n,), integers in 0 .. K-1: a pair of arrays `(x, y)`, or
            batches of such pairs; or a function of the first row that gives batches from there
            on: only so a pass can go on.
        num_heads: `int`. Number of attention heads; or a dict from stage name to it.
        checkpoint: `PassCheckpoint` from which a pass that was killed goes on, as of
            `measure_stages`. Defaults to `None`.

    Returns:
        Dict from stage name to `SingleHeadFields`.

    Raises:
        InputError: if a stage has no sequence pooling, its nodes do not divide into so many
            heads, or a label lies outside 0 .. K-1.
    """
    names = list(cut.output_names)
    of_stage = num_heads if isinstance(num_heads, Mapping) else dict.fromkeys(names, num_heads)
    if missing := [name for name in names if name not in of_stage]:
        raise InputError(f"`num_heads` gives no number for stage {missing[0]}")
    by_name = kernels if isinstance(kernels, Mapping) else {}
    nodes = {name: _node_kernel(name, by_name.get(name)) for name in names}
    shapes = position_shapes(cut, names)
    # Not the stages that heads read: outputs are the tokens, which no pooling has seen.
    stages = {name: ProbedStage(name, nodes[name], shapes[name]) for name in names}

    def sums(stage: ProbedStage) -> _Sums:
        return _Sums(stage, kernels[stage.name].pooling["kernel"], of_stage[stage.name])

    found = pass_images(cut, stages, batches, {name: {"heads": sums} for name in names}, checkpoint)
    return {name: results["heads"] for name, results in found.items()}


def _node_kernel(stage: str, head: object) -> np.ndarray:
    """The kernel of a head behind a sequence pooling, (1, nodes, K), also of several positions."""
    if not isinstance(head, Head) or set(head.pooling) != {"kernel", "bias"}:
        raise InputError(
            f"`kernels`: stage {stage} has no head with a sequence pooling: cut it with "
            "`pool`='sequence' and train its head"
        )
    nodes_last = head.kernel.transpose(1, 0, 2)
    return nodes_last.reshape(1, -1, head.kernel.shape[2])


class _Sums:
    """An `Accumulator` of tokens (n, T, D), which pools them in both ways."""

    def __init__(self, stage: ProbedStage, pooling: np.ndarray, num_heads: int):
        self._kernel, self._pooling, self._heads = stage.kernel, pooling, num_heads
        width, labels = stage.kernel.shape[1:]
        check_groups(num_heads, width, argument="num_heads")
        self._after, self._before = ClassMeans(labels, width), ClassMeans(labels, width)

    def add(self, tokens: np.ndarray, labels: np.ndarray) -> None:
        """Add a batch of (n, T, D) tokens with their labels (n,)."""
        whole = pool_heads_alone(tokens, self._pooling, 1)[:, :, 0]
        alone = pool_heads_alone(tokens, self._pooling, self._heads)
        self._after.add(whole, labels)
        self._before.add(alone.reshape(len(alone), -1), labels)

    def state(self) -> dict[str, Any]:
        """Arrays from which the pass can go on."""
        after, before = self._after, self._before
        return {"after": after.sums, "before": before.sums, "counts": after.counts}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, if the arrays are such."""
        now = self.state()
        if any((arrays[n].shape, arrays[n].dtype) != (x.shape, x.dtype) for n, x in now.items()):
            return False
        self._after.sums, self._before.sums = arrays["after"], arrays["before"]
        self._after.counts, self._before.counts = arrays["counts"], arrays["counts"].copy()
        return True

    def result(self) -> SingleHeadFields:
        """The fields."""
        counts = self._after.counts
        nodes = FilterFields(self._after.means()[:, None], self._kernel, counts, ())
        after = nodes.by_heads(self._heads)
        features = self._before.means().reshape(after.features.shape)
        return SingleHeadFields(
            after, FilterFields(features, after.kernel, counts, after.position_shape)
        )
