"""Committees: what several networks decide together, by a soft and by a hard vote."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sfp_keras.errors import InputError, as_whole

if TYPE_CHECKING:
    import pandas as pd

VOTES = ("soft", "hard")
# Images whose probabilities are held in float64 at once.
_BLOCK = 4096


class Share(NamedTuple):
    """A mean over images.

    Attributes:
        value: `float`.
        error: `float`. Its standard error: the deviation over the images by the root of their
            number. NaN for a single image.
    """

    value: float
    error: float


@dataclasses.dataclass(frozen=True, eq=False)
class CommitteeVotes:
    """The labels that members and their committee choose, for n images.

    All errors are standard errors over the images, with the networks as they are: how much a
    gain differs between committees of other seeds is seen from several committees alone.

    Attributes:
        labels: int64 `(n,)`. The true labels.
        chosen: int64 `(M, n)`. The label that each of the M members chooses.
        soft: int64 `(n,)`. The label of the largest mean probability.
        hard: int64 `(n,)`. The label that most members choose; among labels of equally many votes
            the one of the largest mean probability.
        tied: bool `(n,)`. Where several labels have most votes.
    """

    labels: np.ndarray
    chosen: np.ndarray
    soft: np.ndarray
    hard: np.ndarray
    tied: np.ndarray

    @property
    def num_members(self) -> int:
        """Number of members, `M`."""
        return len(self.chosen)

    @property
    def member_accuracy(self) -> list[Share]:
        """Accuracy of each member."""
        return [_share(correct) for correct in self.chosen == self.labels]

    @property
    def mean_member(self) -> Share:
        """Accuracy of the members on average."""
        return _share(self._mean_correct)

    @property
    def best(self) -> int:
        """Number of the member of the highest accuracy, the first of equal ones."""
        return int((self.chosen == self.labels).sum(axis=1).argmax())

    def accuracy(self, vote: str) -> Share:
        """Accuracy of the committee by a vote, `"soft"` or `"hard"`."""
        return _share(self._of(vote))

    def gain_over_mean(self, vote: str) -> Share:
        """Accuracy of the committee above that of its members on average."""
        return _share(self._of(vote) - self._mean_correct)

    def gain_over_best(self, vote: str) -> Share:
        """Accuracy of the committee above that of its best member.

        The best is chosen by the same images, whose luck favours it: with other images the gain is
        rather larger.
        """
        return _share(self._of(vote) - (self.chosen[self.best] == self.labels))

    def agreement(self, first: int, second: int) -> Share:
        """Share of the images for which two members choose the same label.

        Args:
            first: `int`. Number of a member, from 0.
            second: `int`. Number of another.

        Raises:
            InputError: if there is no such member.
        """
        for name, number in (("first", first), ("second", second)):
            if as_whole(name, number, 0) >= self.num_members:
                raise InputError(
                    f"`{name}`={number}: there are the members 0 to {self.num_members - 1}"
                )
        return _share(self.chosen[first] == self.chosen[second])

    def to_frame(self) -> pd.DataFrame:
        """A table with a row for each vote, and the columns of votes.csv."""
        import pandas as pd

        return pd.DataFrame([self._row(vote) for vote in VOTES])

    def _row(self, vote: str) -> dict[str, str | float]:
        shares = {
            "accuracy": self.accuracy(vote),
            "mean_member": self.mean_member,
            "gain_over_mean": self.gain_over_mean(vote),
            "gain_over_best": self.gain_over_best(vote),
        }
        numbers = {
            f"{name}{end}": number
            for name, share in shares.items()
            for end, number in zip(("", "_error"), share, strict=True)
        }
        return {"vote": vote, **numbers, "tied": float(self.tied.mean())}

    def _of(self, vote: str) -> np.ndarray:
        if vote not in VOTES:
            raise InputError(f"`vote` must be one of {', '.join(VOTES)}, received {vote!r}")
        return (getattr(self, vote) == self.labels).astype(np.float64)

    @property
    def _mean_correct(self) -> np.ndarray:
        return (self.chosen == self.labels).mean(axis=0)

    def __repr__(self) -> str:
        soft, gain = self.accuracy("soft"), self.gain_over_mean("soft")
        return (
            f"CommitteeVotes({self.num_members} members, {len(self.labels)} images: soft vote "
            f"{soft.value:.4f}, {gain.value:+.4f} ± {gain.error:.4f} over the mean member)"
        )


def committee_votes(
    probabilities: Sequence[np.ndarray] | np.ndarray, labels: np.ndarray
) -> CommitteeVotes:
    """Let several networks vote on the label of each image.

    Example:

    ```
    votes = committee_votes([softmax_of_one, softmax_of_other], test_labels)
    votes.accuracy("soft"), votes.gain_over_best("soft")
    ```

    Args:
        probabilities: for each of M members, `(n, K)`: its softmax for n images and K labels.
        labels: int `(n,)`. The true labels.

    Returns:
        `CommitteeVotes`.

    Raises:
        InputError: if there are fewer than two members, shapes differ, or probabilities are
            negative, no numbers, or do not add up to one.

    Source: arXiv 2506.23832, soft committee; the votes are our reading of its abstract.
    """
    if not isinstance(probabilities, Iterable):
        raise InputError(
            "`probabilities` must be an array (images, labels) for each member, received "
            f"{type(probabilities).__name__}"
        )
    members = [np.asarray(member) for member in probabilities]
    labels = np.asarray(labels)
    _check(members, labels)
    chosen = np.stack([member.argmax(axis=1) for member in members])
    count, num_labels = members[0].shape
    soft, hard = np.empty(count, np.int64), np.empty(count, np.int64)
    tied = np.empty(count, bool)
    for start in range(0, count, _BLOCK):
        block = slice(start, start + _BLOCK)
        total = sum(member[block].astype(np.float64) for member in members)
        votes = (chosen[:, block, None] == np.arange(num_labels)).sum(axis=0)
        most = votes == votes.max(axis=1, keepdims=True)
        soft[block] = np.asarray(total).argmax(axis=1)
        hard[block] = np.where(most, total, -1.0).argmax(axis=1)
        tied[block] = most.sum(axis=1) > 1
    return CommitteeVotes(labels.astype(np.int64), chosen, soft, hard, tied)


def _share(values: np.ndarray) -> Share:
    count = len(values)
    error = float(np.std(values, ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Share(float(np.mean(values)), error)


def _check(members: list[np.ndarray], labels: np.ndarray) -> None:
    shapes = {member.shape for member in members}
    if len(members) < 2:
        raise InputError(
            f"`probabilities`: a committee has two members or more, not {len(members)}"
        )
    if len(shapes) > 1 or members[0].ndim != 2 or min(members[0].shape) < 1:
        raise InputError(
            "`probabilities` must be filled arrays of one shape (images, labels); received "
            + ", ".join(map(str, sorted(shapes)))
        )
    if any(member.dtype.kind not in "fiub" for member in members):
        raise InputError("`probabilities` must be arrays of real numbers")
    count, num_labels = members[0].shape
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"`labels` must be {count} integers, received {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= num_labels:
        raise InputError(f"`labels` must lie in 0..{num_labels - 1}")
    for number, member in enumerate(members):
        sums = member.sum(axis=1, dtype=np.float64)
        # Written so that NaN is refused.
        if not (member.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
            raise InputError(
                f"`probabilities` of member {number} are no probabilities: they must not be "
                "negative and add up to 1 for each image; take the softmax first"
            )
