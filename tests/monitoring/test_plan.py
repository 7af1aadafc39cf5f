"""Which epochs are measured and kept."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.monitoring.plan import kept_factors, measured_epochs


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 400), st.none() | st.integers(1, 50), st.integers(1, 30))
def test_epochs_are_even_few_and_end_with_the_last(epochs, every, most):
    found = measured_epochs(epochs, every, most)
    assert every or len(found) <= most
    if epochs:
        assert found[-1] == epochs - 1
        steps = {b - a for a, b in itertools.pairwise(found)}
        assert len(steps) <= 1
        assert all(0 <= epoch < epochs for epoch in found)
        if every:
            assert steps <= {every}
        # One more at the same distance would lie before the first epoch.
        if len(found) > 1:
            assert found[0] - (found[1] - found[0]) < 0


def test_as_often_as_asked_however_many_that_makes():
    assert measured_epochs(10, 3) == [0, 3, 6, 9]
    assert measured_epochs(100, 1) == list(range(100))
    assert measured_epochs(10, 3, most=2) == [0, 3, 6, 9]
    assert measured_epochs(5) == [0, 1, 2, 3, 4]
    assert measured_epochs(60) == list(range(2, 60, 3))


@settings(deadline=None, derandomize=True)
@given(
    st.integers(1, 20),
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(*[st.integers(0, 1000)] * 2)),
    st.integers(0, 20000),
)
def test_factors_fit_into_the_budget(count, sizes, budget):
    epochs = list(range(2, 2 + 3 * count, 3))
    once = {stage: size[0] for stage, size in sizes.items()}
    each = {stage: size[1] + 1 for stage, size in sizes.items()}
    kept = kept_factors(epochs, once, each, budget)
    assert set(kept) == set(each)
    used = sum(once[s] + len(k) * each[s] for s, k in kept.items() if k)
    assert used <= budget
    for found in kept.values():
        assert found == sorted(set(found))
        assert set(found) <= set(epochs)
        assert not found or found[-1] == epochs[-1]
        # Following how clusters form begins with the first.
        assert len(found) < 2 or found[0] == epochs[0]
        steps = {b - a for a, b in itertools.pairwise(found)}
        assert max(steps, default=0) - min(steps, default=0) <= 3  # The epochs' own distance.
    whole = sum(once.values()) + count * sum(each.values())
    if whole <= budget:
        assert all(found == epochs for found in kept.values())


def test_what_shares_leave_over_goes_first_to_stages_without_any():
    # EfficientNet-B0's six stages on 1000 labels: filters x positions.
    numbers = {
        **{"stage1": 32 * 16 * 16, "stage3": 24 * 8 * 8, "stage4": 40 * 4 * 4},
        **{"stage5": 80 * 2 * 2, "stage7": 192, "stage9": 1280},
    }
    sizes = {stage: 4 * 1000 * number for stage, number in numbers.items()}
    kept = kept_factors(range(20), sizes, sizes, 50e6)
    counts = {stage: len(epochs) for stage, epochs in kept.items()}
    # A share would hold none of stage9; stage1 takes 65 MB. The rest goes to those with fewest.
    assert counts == {
        **{"stage1": 0, "stage3": 1, "stage4": 3, "stage5": 6, "stage7": 9, "stage9": 1},
    }
    assert kept["stage9"] == [19]


def test_what_small_stages_leave_goes_to_large_ones():
    epochs = list(range(10))
    kept = kept_factors(epochs, {}, {"small": 1, "large": 30}, 100)
    assert kept == {"small": epochs, "large": [0, 4, 9]}
