"""The figure of clusters that are followed."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sfp_keras.analyses import draw_following
from sfp_keras.analyses.catalog.following import changing_filters, cluster_colours, shown_labels
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters, follow_clusters
from sfp_keras.reports.style import COLOURS, GREY


def follow(*steps):
    """Clusters by their numbers, `(F, K)` at each step."""
    arrays = [np.array(at) for at in steps]
    return follow_clusters(
        {10 * i: FilterClusters(at, (at >= 0).astype(int)) for i, at in enumerate(arrays)}
    )


def test_labels_by_steps_are_drawn_in_the_colours_of_their_clusters():
    found = follow(
        [[0, 0, -1, 1], [0, 0, 0, 0]],
        [[-1, 0, 0, -1], [0, 0, 0, 0]],
        [[1, -1, 0, -1], [0, 0, 0, 0]],
    )
    assert changing_filters(found) == [0, 1]
    assert shown_labels(found.life_id[:, 0]) == [2, 0, 1, 3]
    figure = draw_following(found, ["a", "$b", "c", "d"], [0])
    becomes, stable, drawn = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in (*becomes.lines, *stable.lines)}
    columns = found.step_columns()
    np.testing.assert_array_equal(lines["kept"], columns["kept"])
    np.testing.assert_array_equal(lines["born or split off"], columns["born"] + columns["split"])
    np.testing.assert_array_equal(lines["clusters"], columns["cluster_stability"])
    np.testing.assert_array_equal(lines["clusters by chance"], columns["cluster_chance"])
    np.testing.assert_array_equal(lines["formed for good"], columns["formed"])
    assert [text.get_text() for text in drawn.get_yticklabels()] == ["c", "a", "$b", "d"]
    pixels = np.asarray(drawn.images[0].get_array())
    colours = cluster_colours(found, 0)
    for row, label in enumerate([2, 0, 1, 3]):
        for step in range(3):
            number = found.life_id[step, 0, label]
            if number >= 0:
                np.testing.assert_array_equal(pixels[row, step], to_rgb(colours[number]))


def test_colours_are_for_the_clusters_of_the_end_and_for_those_that_stayed_longest():
    last = np.arange(8)
    found = follow([last], [np.where(last < 7, last, -1)], [np.where(last < 2, last, -1)])
    colours = cluster_colours(found, 0)
    assert [colours[i] for i in range(8)] == [*COLOURS, GREY, GREY]


def test_what_cannot_be_drawn_is_refused():
    found = follow([[-1, -1]], [[-1, -1]])
    assert changing_filters(found) == [0]
    assert draw_following(found, "ab").axes
    with pytest.raises(InputError, match="no filter 1"):
        draw_following(found, "ab", [1])
    with pytest.raises(InputError, match="3 names of 2 labels"):
        draw_following(found, "abc")


def test_a_filter_that_is_never_in_a_cluster_is_drawn_with_some_labels():
    found = follow(*[[[-1] * 30]] * 3)
    assert shown_labels(found.life_id[:, 0]) == list(range(12))
    assert len(draw_following(found, [f"label {i}" for i in range(30)]).axes[2].images) == 1
