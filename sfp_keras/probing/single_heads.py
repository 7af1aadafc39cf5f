"""Single-head performance from one pass over labelled images."""

from collections.abc import Mapping

import keras
import numpy as np

from sfp_keras.data import labelled_batches
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, SingleHeadFields, pool_heads_alone
from sfp_keras.filters.grouping import check_groups
from sfp_keras.probing.class_means import ClassMeans
from sfp_keras.probing.features import Labelled, stage_outputs
from sfp_keras.probing.heads import Head


def measure_single_heads(
    cut: keras.Model, kernels: Mapping[str, Head], batches: Labelled, num_heads: int
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
            batches of such pairs.
        num_heads: `int`. Number of attention heads.

    Returns:
        Dict from stage name to `SingleHeadFields`.

    Raises:
        InputError: if a stage has no sequence pooling, or its nodes do not divide into so many
            heads.
    """
    sums = {name: _Sums(name, kernels, num_heads) for name in cut.output_names}
    for outputs, labels in stage_outputs(cut, labelled_batches(batches)):
        for one, output in zip(sums.values(), outputs, strict=True):
            one.add(output.reshape(len(output), -1, output.shape[-1]), labels)
    return {name: one.result() for name, one in sums.items()}


class _Sums:
    """What is added up at one stage."""

    def __init__(self, stage: str, kernels: Mapping[str, Head], num_heads: int):
        head = kernels.get(stage) if isinstance(kernels, Mapping) else None
        if not isinstance(head, Head) or set(head.pooling) != {"kernel", "bias"}:
            raise InputError(
                f"`kernels`: stage {stage} has no head with a sequence pooling: cut it with "
                "`pool`='sequence' and train its head"
            )
        nodes_last = head.kernel.transpose(1, 0, 2)  # Of a head of several positions.
        self._kernel = nodes_last.reshape(1, -1, head.kernel.shape[2])
        self._pooling = head.pooling
        self._heads = num_heads
        width, labels = self._kernel.shape[1:]
        check_groups(num_heads, width, argument="num_heads")
        self._after, self._before = ClassMeans(labels, width), ClassMeans(labels, width)

    def add(self, tokens: np.ndarray, labels: np.ndarray) -> None:
        """Add a batch of (n, T, D) tokens with their labels (n,)."""
        whole = pool_heads_alone(tokens, self._pooling["kernel"], 1)[:, :, 0]
        alone = pool_heads_alone(tokens, self._pooling["kernel"], self._heads)
        self._after.add(whole, labels)
        self._before.add(alone.reshape(len(alone), -1), labels)

    def result(self) -> SingleHeadFields:
        """The fields."""
        counts = self._after.counts
        nodes = FilterFields(self._after.means()[:, None], self._kernel, counts, ())
        after = nodes.by_heads(self._heads)
        features = self._before.means().reshape(after.features.shape)
        return SingleHeadFields(
            after, FilterFields(features, after.kernel, counts, after.position_shape)
        )
