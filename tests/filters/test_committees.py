"""Votes of committees against their literal definition."""

import math
import statistics
from collections import Counter

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import VOTES, committee_votes
from sfp_keras.filters import committees as module


def softmax_of(seed: int, members: int = 4, images: int = 60, labels: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scores = np.exp(2 * rng.normal(size=(members, images, labels)))
    return (scores / scores.sum(axis=2, keepdims=True)).astype(np.float32)


def literal(probabilities: np.ndarray, image: int) -> tuple[int, int, bool]:
    """Soft and hard vote on an image, and whether the hard one is by mean probability alone."""
    members, _, labels = probabilities.shape
    means = [sum(float(p[image, k]) for p in probabilities) / members for k in range(labels)]
    votes = Counter(int(np.argmax(p[image])) for p in probabilities)
    most = [k for k, count in votes.items() if count == max(votes.values())]
    return (
        max(range(labels), key=means.__getitem__),
        max(most, key=means.__getitem__),
        len(most) > 1,
    )


@pytest.mark.parametrize("members", [2, 4, 5])
def test_votes_are_the_literal_ones(members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 7)
    probabilities = softmax_of(members, members)
    labels = np.random.default_rng(1).integers(5, size=60)
    found = committee_votes(probabilities, labels)
    wanted = [literal(probabilities, image) for image in range(60)]
    assert list(zip(found.soft, found.hard, found.tied, strict=True)) == wanted
    assert any(tied for *_, tied in wanted)
    np.testing.assert_array_equal(found.chosen, probabilities.argmax(axis=2))


def test_accuracies_gains_and_their_errors_are_means_over_images() -> None:
    probabilities = softmax_of(3)
    labels = probabilities.mean(axis=0).argmax(axis=1)
    labels[::3] = probabilities[2, ::3].argmax(axis=1)
    found = committee_votes(list(probabilities), labels)
    right = [[int(c == t) for c, t in zip(row, labels, strict=True)] for row in found.chosen]
    assert found.best == max(range(4), key=lambda member: sum(right[member])) == 2
    for vote in VOTES:
        ours = [int(c == t) for c, t in zip(getattr(found, vote), labels, strict=True)]
        mean_right = map(statistics.mean, zip(*right, strict=True))
        over_mean = [one - mean for one, mean in zip(ours, mean_right, strict=True)]
        over_best = [one - best for one, best in zip(ours, right[2], strict=True)]
        for share, values in (
            (found.accuracy(vote), ours),
            (found.gain_over_mean(vote), over_mean),
            (found.gain_over_best(vote), over_best),
        ):
            assert share.value == pytest.approx(statistics.mean(values))
            assert share.error == pytest.approx(statistics.stdev(values) / math.sqrt(60))
    same = [int(a == b) for a, b in zip(found.chosen[0], found.chosen[3], strict=True)]
    assert found.agreement(0, 3).value == pytest.approx(statistics.mean(same))
    row = found.to_frame().set_index("vote").loc["hard"]
    assert row["gain_over_mean"] == found.gain_over_mean("hard").value
    assert row["accuracy"] - row["mean_member"] == pytest.approx(row["gain_over_mean"])
    assert row["tied"] == found.tied.mean()


def test_equal_members_gain_nothing() -> None:
    one = softmax_of(0, members=1)[0]
    found = committee_votes([one, one, one], np.arange(60) % 5)
    assert found.gain_over_mean("soft") == found.gain_over_best("hard") == (0, 0)
    assert found.agreement(0, 2) == (1, 0)
    assert not found.tied.any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p, y: (p[:1], y), "two members or more, not 1"),
        (lambda p, y: ([p[0], p[1][:, :4]], y), r"one shape.*\(60, 4\), \(60, 5\)"),
        (lambda p, y: (np.log(p), y), "member 0 are no probabilities.*softmax"),
        (lambda p, y: (p * np.nan, y), "no probabilities"),
        (lambda p, y: (3, y), "`probabilities` must be an array .* for each member, received int"),
        (lambda p, y: (p.astype(str), y), "`probabilities` must be arrays of real numbers"),
        (lambda p, y: (p, y[1:]), r"`labels` must be 60 integers.*\(59,\)"),
        (lambda p, y: (p, y + 4), r"`labels` must lie in 0\.\.4"),
        (lambda p, y: (p, y / 2), "`labels` must be 60 integers"),
    ],
)
def test_what_cannot_vote_is_refused(change, words: str) -> None:
    with pytest.raises(InputError, match=words):
        committee_votes(*change(softmax_of(0), np.arange(60) % 5))


def test_an_unknown_vote_is_refused() -> None:
    found = committee_votes(softmax_of(0), np.arange(60) % 5)
    with pytest.raises(InputError, match="`vote` must be one of soft, hard, received 'mean'"):
        found.accuracy("mean")


def test_an_unknown_member_is_refused() -> None:
    found = committee_votes(softmax_of(0), np.arange(60) % 5)
    last = found.num_members - 1
    with pytest.raises(InputError, match=f"`second`={last + 1}: there are the members 0 to {last}"):
        found.agreement(0, last + 1)
    for wrong in (-1, 0.5, "runs/a"):
        with pytest.raises(InputError, match="`first` must be a whole number from 0"):
            found.agreement(wrong, 0)
