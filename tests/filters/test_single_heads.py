"""Heads silenced before and after a pooling, against the small head run with zeros."""

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, SingleHeadFields, pool_heads_alone


def pooled(tokens, kernel):
    """Sequence pooling of (T, D) tokens, literally."""
    scores = np.array([token @ kernel for token in tokens])
    weights = np.exp(scores) / np.exp(scores).sum()
    return sum(weight * token for weight, token in zip(weights, tokens, strict=True))


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_each_head_is_pooled_as_if_the_others_were_zero(heads):
    rng = np.random.default_rng(heads)
    tokens, kernel = rng.normal(size=(5, 4, 6)), rng.normal(size=6)
    size = 6 // heads
    found = pool_heads_alone(tokens, kernel[:, None], heads)
    assert found.shape == (5, size, heads)
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        silenced = np.zeros_like(tokens)
        silenced[:, :, own] = tokens[:, :, own]
        for image in range(5):
            expected = pooled(silenced[image], kernel)
            np.testing.assert_allclose(found[image, :, head], expected[own])
            assert not np.delete(expected, range(own.start, own.stop)).any()


def test_large_scores_do_not_overflow():
    tokens = np.array([[[1000.0, 1.0], [-1000.0, 2.0]]])
    np.testing.assert_allclose(pool_heads_alone(tokens, np.ones(2), 1)[0, :, 0], [1000, 1])


def test_the_difference_is_that_of_matrices():
    rng = np.random.default_rng(0)
    kernel, counts = rng.normal(size=(2, 3, 4)), np.ones(4, int)
    features = rng.normal(size=(2, 4, 2, 3))
    features[:, :, :, 2] = 0
    after, before = (FilterFields(one, kernel, counts, (2,)) for one in features)
    single = SingleHeadFields(after, before)
    for head in range(2):
        change = sum(
            (before.matrix(head)[i, j] - after.matrix(head)[i, j]) ** 2
            for i in range(4)
            for j in range(4)
        )
        expected = np.sqrt(change / (after.matrix(head) ** 2).sum())
        assert single.difference[head] == pytest.approx(expected, rel=1e-5)
        differ = before.boolean(head, 0.4) != after.boolean(head, 0.4)
        assert single.changed(0.4)[head] == differ.mean()
    assert np.isnan(single.difference[2])
    assert single.mean_difference == pytest.approx(single.difference[:2].mean())
    assert not SingleHeadFields(after, after).difference[:2].any()


def test_what_does_not_fit_is_refused():
    tokens = np.ones((2, 3, 6))
    with pytest.raises(InputError, match=r"`tokens` must have shape .* received \(3, 6\)"):
        pool_heads_alone(tokens[0], np.ones(6), 2)
    assert pool_heads_alone(tokens.tolist(), [0.0] * 6, 2).shape == (2, 3, 2)
    with pytest.raises(InputError, match="6 nodes"):
        pool_heads_alone(tokens, np.ones(6), 4)
    with pytest.raises(InputError, match=r"`kernel` has shape \(5, 1\); tokens of 6"):
        pool_heads_alone(tokens, np.ones((5, 1)), 2)
