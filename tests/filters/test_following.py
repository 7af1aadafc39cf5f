"""Clusters followed over steps, against the definition written out."""

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, FilterFields, find_clusters, follow_clusters


def clusters_of(*filters, labels=6, threshold=0.3):
    """`FilterClusters` of lists of labels, a list of clusters a filter."""
    cluster_id = np.full((len(filters), labels), -1)
    for row, clusters in zip(cluster_id, filters, strict=True):
        for number, members in enumerate(clusters):
            row[members] = number
    return FilterClusters(cluster_id, (cluster_id >= 0).astype(int), threshold)


def follow(*steps, **arguments):
    """One filter, whose clusters are given at each step."""
    found = {10 * at: clusters_of(clusters) for at, clusters in enumerate(steps)}
    return follow_clusters(found, **arguments)


def changes(found, at=0):
    return {name: int(of[at].sum()) for name, of in found.changes.items() if of[at].any()}


def overlap(one, other):
    return Fraction(len(one & other), len(one | other))


def literally(steps, least=Fraction(1, 2)):
    """Of one filter, given its clusters as sets at each step: its lives, and what has changed."""
    current = [{"at": {0: members}, "begins": "", "ends": ""} for members in steps[0]]
    lives, changed = list(current), []
    for step, new in enumerate(steps[1:], start=1):
        old = [life["at"][step - 1] for life in current]
        pairs = [(-overlap(a, b), i, j) for i, a in enumerate(old) for j, b in enumerate(new)]
        match = {}
        for negative, i, j in sorted(pairs):
            if negative and i not in match and j not in match.values():
                match[i] = j
        names = []
        following = [None] * len(new)
        for i, life in enumerate(current):
            if i in match:
                members = life["at"][step] = new[match[i]]
                following[match[i]] = life
                lost, gained = bool(old[i] - members), bool(members - old[i])
                names.append(
                    {(0, 0): "kept", (0, 1): "grown", (1, 0): "shrunk"}.get((lost, gained), "moved")
                )
            else:
                life["ends"] = "merged" if old[i] & set().union(*new) else "dissolved"
                names.append(life["ends"])
        for j, members in enumerate(new):
            if following[j] is None:
                begins = "split" if members & set().union(*old) else "born"
                names.append(begins)
                following[j] = {"at": {step: members}, "begins": begins, "ends": ""}
                lives.append(following[j])
        changed.append({name: names.count(name) for name in names})
        current = following
    last = len(steps) - 1
    for life in current:
        persists = [
            any(overlap(members, life["at"][last]) >= least for members in at) for at in steps
        ]
        life["birth"] = min(s for s in range(last + 1) if all(persists[s:]))
    return lives, changed


def share(one, other):
    return len(one & other) / len(one | other) if one | other else np.nan


def pairs_of(clusters):
    return {(i, j) for members in clusters for i in members for j in members}


def random_clusters(rng, filters, labels):
    """Some labels in no cluster, the others in clusters of any size."""
    groups = rng.integers(-2, rng.integers(1, 5), (filters, labels))
    return [
        sorted(np.flatnonzero(row == n).tolist() for n in range(row.max() + 1) if (row == n).any())
        for row in groups
    ]


@pytest.mark.parametrize("least", [Fraction(1, 2), Fraction(1, 3), Fraction(1)])
def test_random_clusters_are_followed_by_the_definition(least):
    rng = np.random.default_rng(0)
    filters, labels, steps = 30, 7, [3, 4, 8, 20]
    measured = {step: random_clusters(rng, filters, labels) for step in steps}
    given = {s: clusters_of(*measured[s], labels=labels) for s in reversed(steps)}
    found = follow_clusters(given, least_overlap=float(least))
    assert found.steps.tolist() == steps
    table = found.lives.to_frame()
    seen = set()
    for f in range(filters):
        sets = [[set(members) for members in measured[step][f]] for step in steps]
        lives, changed = literally(sets, least)
        for place, clusters in enumerate(sets):
            expected = np.full(labels, -1)
            for number, life in enumerate(lives):
                expected[list(life["at"].get(place, ()))] = number
            assert found.life_id[place, f].tolist() == expected.tolist()
            if place:
                got = {n: int(of[place - 1, f]) for n, of in found.changes.items()}
                assert {n: c for n, c in got.items() if c} == changed[place - 1]
                seen |= set(changed[place - 1])
                before = sets[place - 1]
                of_labels = share(set().union(*before), set().union(*clusters))
                of_pairs = share(pairs_of(before), pairs_of(clusters))
                stability = found.label_stability, found.cluster_stability
                values = [of[place - 1, f] for of in stability]
                np.testing.assert_array_equal(values, [of_labels, of_pairs])
        rows = table[table["filter"] == f].to_dict("records")
        assert len(rows) == len(lives)
        for number, (row, life) in enumerate(zip(rows, lives, strict=True)):
            assert row["number"] == number
            assert (row["first"], row["last"]) == (steps[min(life["at"])], steps[max(life["at"])])
            assert (row["begins"], row["ends"]) == (life["begins"], life["ends"])
            birth = steps[life["birth"]] if "birth" in life else np.nan
            np.testing.assert_equal(row["birth"], birth)
    assert seen == set(found.changes)


def test_chance_is_the_mean_over_all_orders_of_the_later_labels():
    rng = np.random.default_rng(3)
    labels, filters = 5, 3
    steps = [random_clusters(rng, filters, labels) for _ in range(3)]
    found = follow_clusters({i: clusters_of(*at, labels=labels) for i, at in enumerate(steps)})
    for place, (before, now) in enumerate(itertools.pairwise(steps)):
        of_labels, of_pairs = [], []
        for f in range(filters):
            for order in itertools.permutations(range(labels)):
                moved = [[order[i] for i in members] for members in now[f]]
                of_labels.append(share({i for c in before[f] for i in c}, set().union(*moved)))
                of_pairs.append(share(pairs_of(before[f]), pairs_of(moved)))
        # 600 orders are drawn: four standard errors.
        for got, all_orders in ((found.label_chance, of_labels), (found.cluster_chance, of_pairs)):
            error = 4 * np.nanstd(all_orders) / np.sqrt(600)
            assert got[place] == pytest.approx(np.nanmean(all_orders), abs=error)
    columns = found.step_columns()
    np.testing.assert_array_equal(columns["label_chance"], [np.nan, *found.label_chance])
    np.testing.assert_array_equal(columns["cluster_chance"], [np.nan, *found.cluster_chance])


def test_clusters_of_all_labels_are_stable_by_chance():
    found = follow([[0, 1, 2, 3, 4, 5]], [[0, 1, 2, 3, 4, 5]], [[0, 1, 2, 3, 4], [5]])
    assert found.label_chance.tolist() == [1, 1]
    assert found.cluster_chance[0] == 1
    # Of 36 pairs there are 26, in any order.
    assert found.cluster_chance[1] == pytest.approx(26 / 36)


def test_what_a_cluster_becomes():
    for steps, expected in (
        (([[0, 1], [2]], [[2], [1, 0]]), {"kept": 2}),
        (([[0, 1]], [[0, 1, 2]]), {"grown": 1}),
        (([[0, 1, 2]], [[0, 2]]), {"shrunk": 1}),
        (([[0, 1, 2]], [[1, 2, 3]]), {"moved": 1}),
        (([[0, 1]], [[4, 5]]), {"born": 1, "dissolved": 1}),
        # Two become one: the larger part goes on in it.
        (([[0], [1, 2]], [[0, 1, 2]]), {"grown": 1, "merged": 1}),
        # One becomes two: it goes on in the larger part.
        (([[0, 1, 2]], [[0], [1, 2]]), {"shrunk": 1, "split": 1}),
        # Two exchange labels.
        (([[0, 1, 2], [3, 4, 5]], [[0, 1, 3], [2, 4, 5]]), {"moved": 2}),
        (([], [[3]]), {"born": 1}),
        (([[3]], []), {"dissolved": 1}),
    ):
        assert changes(follow(*steps)) == expected, steps


def test_of_equal_overlaps_the_first_found_goes_on():
    found = follow([[0, 1], [2, 3]], [[0, 1, 2, 3]], [[0, 1], [2, 3]])
    assert found.life_id[:, 0].tolist() == [
        [0, 0, 1, 1, -1, -1],
        [0, 0, 0, 0, -1, -1],
        [0, 0, 2, 2, -1, -1],
    ]
    lives = found.lives.to_frame()
    assert lives["ends"].tolist() == ["", "merged", ""]
    assert lives["begins"].tolist() == ["", "", "split"]
    # Half of what was there overlaps with each of both in the end.
    assert lives["birth"].tolist()[::2] == [0, 0]
    strict = follow([[0, 1], [2, 3]], [[0, 1, 2, 3]], [[0, 1], [2, 3]], least_overlap=0.51)
    assert strict.lives.birth[strict.lives.at_end].tolist() == [20, 20]


def test_birth_is_when_a_cluster_persists_not_when_it_was_first_there():
    found = follow([[0, 1]], [[4]], [[0]], [[0, 1]], [[0, 1, 2]])
    filters = found.to_frame().iloc[0]
    # At step 20 a third of the labels of the end, not yet half.
    assert (filters["birth"], filters["complete"]) == (30, 30)
    assert (filters["lives"], filters["longest_life"]) == (3, 20)


def test_of_each_step_and_of_dead_filters():
    steps = {0: clusters_of([[0, 1]], [], []), 5: clusters_of([[0]], [[3], [4, 5]], [])}
    found = follow_clusters(steps)
    rows = found.steps_frame()
    assert rows["step"].tolist() == [0, 5]
    assert rows["clusters"].tolist() == pytest.approx([1 / 3, 1])
    assert rows["shrunk"][1] == pytest.approx(1 / 3)
    assert rows["born"][1] == pytest.approx(2 / 3)
    assert rows["dissolved"][1] == 0
    assert rows["formed"].tolist() == pytest.approx([1 / 3, 1])
    # Of the dead filter nothing is defined.
    assert rows["label_stability"][1] == pytest.approx((1 / 2 + 0) / 2)
    assert rows["cluster_stability"][1] == pytest.approx((1 / 4 + 0) / 2)
    assert rows["kept"].isna().tolist() == [True, False]
    filters = found.to_frame()
    assert filters["clusters"].tolist() == [1, 2, 0]
    assert filters["birth"].tolist()[:2] == [0, 5]
    undefined = ["birth", "complete", "label_stability", "cluster_stability", "longest_life"]
    assert filters[undefined].iloc[2].isna().all()
    none = follow_clusters({0: clusters_of([]), 1: clusters_of([])})
    assert none.steps_frame().iloc[1, 2:].isna().all()


def test_of_fields():
    rng = np.random.default_rng(1)
    features, kernel = rng.random((5, 2, 8)), rng.normal(size=(2, 8, 5))
    clusters = {
        step: find_clusters(
            FilterFields(
                features, kernel + step * rng.normal(size=kernel.shape), np.ones(5, int), (2,)
            )
        )
        for step in range(3)
    }
    found = follow_clusters(clusters)
    for place, step in enumerate(found.steps):
        assert ((found.life_id[place] >= 0) == clusters[step].in_cluster).all()


def test_without_chance_all_else_is_the_same():
    two = {0: clusters_of([[0, 1]]), 1: clusters_of([[0, 2]])}
    found, fast = follow_clusters(two), follow_clusters(two, chance=False)
    chance = ["label_chance", "cluster_chance"]
    assert found.steps_frame()[chance].iloc[1].notna().all()
    assert fast.steps_frame()[chance].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        fast.steps_frame().drop(columns=chance), found.steps_frame().drop(columns=chance)
    )
    pd.testing.assert_frame_equal(fast.to_frame(), found.to_frame())


def test_what_cannot_be_followed_is_refused():
    one = clusters_of([[0]])
    for given, words in (
        ({0: one}, "two or more steps"),
        ([one, one], "dict from two or more"),
        ({0: one, 1: clusters_of([[0]], labels=3)}, "6 labels.* 3 labels|3 labels.* 6 labels"),
        ({0: one, 1: clusters_of([[0]], threshold=0.5)}, "threshold 0.5"),
        ({0: one, 1: clusters_of([[0]], [[1]])}, "2 filters"),
        ({0: one, "1": one}, "whole number"),
        ({0: one, 1: np.zeros((1, 6))}, "FilterClusters"),
    ):
        with pytest.raises(InputError, match=words):
            follow_clusters(given)
    for least in (0, 1.5, np.nan, "a"):
        with pytest.raises(InputError, match="least_overlap"):
            follow_clusters({0: one, 1: one}, least_overlap=least)
