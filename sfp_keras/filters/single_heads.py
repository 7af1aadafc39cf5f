"""Single-head performance: heads silenced after the pooling, and at the input of the small head."""

from dataclasses import dataclass

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.grouping import check_groups
from sfp_keras.short_repr import ShortRepr


@dataclass(frozen=True, eq=False, repr=False)
class SingleHeadFields(ShortRepr):
    """The fields of each attention head alone, silenced in two ways.

    A probe head behind attention is a sequence pooling and a bias-free linear head. Silenced after
    the pooling, the other heads still choose the tokens that this head's outputs are read from.
    Silenced at the input they do not: the weights of the pooling are this head's own.

    Attributes:
        after_pooling: `FilterFields` of H heads, their nodes as positions: the head's weights to
            all other heads' nodes are zero. What `by_heads` gives.
        at_input: `FilterFields` of the same: the outputs of all other heads are zero before the
            pooling. The kernel is the same, the features are not.

    Source: single-head performance, arXiv:2506.23832, after its abstract; the papers do not say
    where heads are silenced.
    """

    after_pooling: FilterFields
    at_input: FilterFields

    @property
    def difference(self) -> np.ndarray:
        """How much the way of silencing changes each head's matrix, float64 `(H,)`.

        The Frobenius norm of the difference over that of the matrix silenced after the pooling:
        0 where the two agree; NaN where that matrix is zero.
        """
        after, before = (
            fields.matrices(slice(None)).astype(np.float64)
            for fields in (self.after_pooling, self.at_input)
        )
        change, norm = (
            np.linalg.norm(matrices, axis=(1, 2)) for matrices in (before - after, after)
        )
        return np.divide(change, norm, out=np.full(len(norm), np.nan), where=norm > 0)

    @property
    def mean_difference(self) -> float:
        """Mean `difference` of the heads whose matrix is not zero; NaN where all are."""
        known = self.difference[~np.isnan(self.difference)]
        return float(known.mean()) if known.size else np.nan

    def changed(self, threshold: float = 0.3) -> np.ndarray:
        """Share of elements of each head's clipped matrix that differ, float64 `(H,)`.

        Args:
            threshold: `float` in [0, 1), default 0.3. What fields are clipped at.
        """
        after, before = (
            fields.boolean(slice(None), threshold) for fields in (self.after_pooling, self.at_input)
        )
        return (after != before).mean(axis=(1, 2))


def pool_heads_alone(tokens: np.ndarray, kernel: np.ndarray, heads: int) -> np.ndarray:
    """Sequence pooling of every head's outputs where those of all other heads are zero.

    One pass for all heads: a head's scores need its own channels alone, and the bias of the
    pooling changes no weight.

    Args:
        tokens: float array `(n, T, D)`. Outputs of all heads, one behind another.
        kernel: float array `(D,)` or `(D, 1)`. Weights of the pooling's scores.
        heads: `int`. Number of heads H; it divides D.

    Returns:
        Array `(n, D / H, H)`: of each input the pooled outputs of each head alone.

    Raises:
        InputError: if the tokens have other axes, `heads` does not divide the channels, or the
            kernel does not fit them.
    """
    tokens, kernel = np.asarray(tokens), np.asarray(kernel)
    if tokens.ndim != 3:
        raise InputError(
            f"`tokens` must have shape (inputs, tokens, width), received {tokens.shape}"
        )
    inputs, count, width = tokens.shape
    check_groups(heads, width)
    if kernel.size != width:
        raise InputError(f"`kernel` has shape {kernel.shape}; tokens of {width} need ({width}, 1)")
    split = tokens.reshape(inputs, count, heads, width // heads)
    scores = np.einsum("nths,hs->nth", split, kernel.reshape(heads, -1))
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("nth,nths->nsh", weights, split)
