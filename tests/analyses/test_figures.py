"""What the figures draw, read back from their artists."""

import io
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from sfp_keras import reports
from sfp_keras.analyses import Split, Stage
from sfp_keras.analyses.catalog.appearances import draw_appearances
from sfp_keras.analyses.catalog.attention_head_table import attention_head_table
from sfp_keras.analyses.catalog.attention_heads import draw_attention_heads, leading_head_table
from sfp_keras.analyses.catalog.cluster_sizes import draw_cluster_sizes
from sfp_keras.analyses.catalog.decisions import draw_decisions
from sfp_keras.analyses.catalog.heads_at_input import draw_heads_at_input
from sfp_keras.analyses.catalog.label_noise import draw_label_noise
from sfp_keras.analyses.catalog.layers import draw_layer_curves
from sfp_keras.analyses.catalog.matrices import (
    draw_matrices,
    matrices_caption,
    permuted_kinds,
)
from sfp_keras.analyses.catalog.node_depth import draw_node_depth, lines_of
from sfp_keras.analyses.catalog.single_heads import draw_single_heads
from sfp_keras.analyses.catalog.sub_threshold import draw_sub_threshold
from sfp_keras.analyses.catalog.summed_fields import draw_summed_fields
from sfp_keras.analyses.catalog.training import draw_heads, draw_training
from sfp_keras.analyses.shown_filters import differing_filters, typical_filters
from sfp_keras.filters import (
    FilterDecisions,
    FilterFields,
    Interval,
    SingleHeadFields,
    find_clusters,
    head_specialization,
    label_statistics,
    layer_statistics,
    sub_threshold_fields,
    summed_fields,
)
from sfp_keras.papers import paper_numbers
from sfp_keras.reports.style import shown_name

NAMES = ("$\\frac{", "<b>bold</b>", "日本語", "tab\tnew\nline\x00", "a very long name indeed")


def layer(labels: int = 5, filters: int = 12, positions: int = 4, seed: int = 0) -> FilterFields:
    rng = np.random.default_rng(seed)
    shape = (labels, positions, filters)
    return FilterFields(
        rng.gamma(1, 1, shape),
        rng.normal(size=(positions, filters, labels)),
        np.full(labels, 3),
        (positions,),
    )


@pytest.fixture(scope="module")
def fields() -> FilterFields:
    return layer()


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def bars(panel) -> list[float]:
    return [bar.get_height() for bar in panel.patches]


def test_the_three_matrices_of_a_filter(fields: FilterFields):
    clusters = find_clusters(fields)
    number = int(np.argmax(clusters.num_clusters))
    figure = draw_matrices(fields, clusters, number, NAMES)
    normalized, boolean, kinds = (p.images[0].get_array() for p in figure.axes[:3])
    np.testing.assert_array_equal(normalized, fields.normalized(number))
    np.testing.assert_array_equal(boolean, fields.boolean(number))
    order = clusters.permutation(number)
    np.testing.assert_array_equal(kinds > 0, boolean[np.ix_(order, order)])
    sizes = [len(members) for members in clusters.members(number)]
    assert (kinds == 2).sum() == sum(size**2 for size in sizes)
    assert (kinds == 1).sum() == clusters.noise[number]
    # Clusters are framed blocks on the diagonal.
    frames = figure.axes[2].patches
    assert [(f.get_x(), f.get_y(), f.get_width()) for f in frames] == [
        (start - 0.5, start - 0.5, size)
        for start, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True)
    ]
    drawn = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    assert drawn == [shown_name(NAMES[i], 12) for i in order]


def test_many_labels_get_an_enlarged_corner():
    fields = layer(30)
    clusters = find_clusters(fields)
    figure = draw_matrices(fields, clusters, 3)
    size = max(int(clusters.in_cluster[3].sum()) + 2, 6)
    _, kinds = permuted_kinds(fields, clusters, 3)
    corner = figure.axes[3].images[0].get_array()
    np.testing.assert_array_equal(corner, kinds[:size, :size])
    assert figure.axes[2].patches[0].get_width() == size
    assert "D: the corner with the clusters of C" in matrices_caption(clusters, "layer1", 3)


def test_a_cluster_that_reaches_beyond_the_corner_stays_open():
    labels, of_cluster = 50, 45
    inside = (np.arange(labels) < of_cluster).astype(np.float32)
    counts = np.ones(labels, np.int64)
    fields = FilterFields(inside[:, None, None], inside[None, None], counts, ())
    clusters = find_clusters(fields)
    assert [len(members) for members in clusters.members(0)] == [of_cluster]
    figure = draw_matrices(fields, clusters, 0)
    (frame,) = figure.axes[3].patches
    assert frame.get_width() == of_cluster
    assert figure.axes[3].get_xlim() == (-0.5, 29.5)
    assert "D: the first 30 labels of C." in matrices_caption(clusters, "layer1", 0)


def test_typical_filters_are_near_the_averages_and_have_clusters():
    boolean = np.zeros((4, 3, 3), bool)
    boolean[1, [0, 1, 2], [0, 1, 2]] = True  # Three clusters of one.
    boolean[2, 0, 0] = boolean[3, 1, 1] = True
    clusters = find_clusters(boolean)
    assert typical_filters(clusters, 2) == [2, 3]
    assert typical_filters(clusters, 9) == [2, 3, 1, 0]
    assert typical_filters(find_clusters(boolean[:1])) == [0]


def test_the_filters_shown_differ():
    boolean = np.zeros((6, 4, 4), bool)
    boolean[0, [0, 1], [0, 1]] = boolean[1, 2, 2] = boolean[3, 3, 3] = True
    boolean[1, 2, 0] = boolean[2] = True  # Noise; one cluster of all labels.
    boolean[4, 1:, 1] = boolean[4, 2, 2] = True
    clusters = find_clusters(boolean)
    assert clusters.num_clusters.tolist() == [2, 1, 1, 1, 2, 0]
    chosen = differing_filters(clusters)
    assert chosen[3] == "the one of the fewest labels"
    assert "a typical one of several clusters" in (chosen.get(0), chosen.get(4))
    assert len(chosen) == 3
    assert differing_filters(clusters, among=[1, 5]) == {
        1: "the one of the fewest labels",
        5: "one of the most typical",
    }


def test_signal_and_noises_of_labels(fields: FilterFields):
    statistics = label_statistics(find_clusters(fields), fields)
    means = {"signal": 26.95, "noise_internal": 0.46, "noise_internal_plus_external": 1.3}
    figure = draw_label_noise(statistics, NAMES, {"boolean": means})
    boolean, accumulated = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in boolean.lines}
    np.testing.assert_array_equal(lines["signal"], statistics.signal)
    both = statistics.noise_internal + statistics.noise_external
    np.testing.assert_array_equal(lines["noise$_I$ + noise$_E$"], both[both > 0])
    marks = [line.get_ydata() for line in boolean.lines if line.get_marker() == "<"]
    assert np.concatenate(marks).tolist() == list(means.values())
    fields_drawn = {line.get_label(): line.get_ydata() for line in accumulated.lines}
    np.testing.assert_array_equal(fields_drawn["signal"], statistics.field_signal)
    with pytest.raises(ValueError, match="hold no fields"):
        draw_label_noise(label_statistics(find_clusters(fields)), NAMES)


def test_layer_curves_stand_beside_the_paper_s():
    paper = paper_numbers("vgg16", "cifar100", 100)
    statistics = {"noise": 5.0, "clusters": 1.0, "cluster_size": 2.0, "snr_internal": np.inf}
    rows = [
        {"stage": s, "split": "test", "filters": 512, "accuracy": 0.5, "snr_external": 2}
        | statistics
        for s in ("layer10", "layer13")
    ]
    figure = draw_layer_curves(pd.DataFrame(rows), paper)
    accuracy, noise, *_, internal, _ = figure.axes
    assert accuracy.lines[0].get_ydata().tolist() == [0.5, 0.5]
    assert accuracy.lines[1].get_ydata().tolist() == [0.752, 0.745]
    # Any two points have a line.
    assert {line.get_linestyle() for line in noise.lines} == {"None"}
    alone = draw_layer_curves(pd.DataFrame(rows)).axes[4]
    assert [text.get_text() for text in alone.texts] == ["nowhere finite"]
    more = pd.DataFrame([{**rows[0], "stage": "layer7", "accuracy": 1.0}, *rows])
    three = draw_layer_curves(more, paper).axes[0]
    assert [line.get_linestyle() for line in three.lines] == ["-", "--"]
    assert three.get_ylim() == (0, 1)
    assert not three.lines[0].get_clip_on()
    assert np.isnan(internal.lines[0].get_ydata()).all()
    assert [label.get_text() for label in accuracy.get_xticklabels()] == ["10", "13"]


def test_an_interval_without_an_end_reaches_the_edge_of_its_panel():
    names = ("accuracy", "noise", "clusters", "cluster_size", "snr_internal", "snr_external")
    rows = pd.DataFrame([{"stage": "last", "split": "test", **dict.fromkeys(names, 2.0)}])
    open_end = {"snr_internal": Interval(2.0, 1.0, 1.2, np.inf, 0.0)}
    closed = {"noise": Interval(2.0, 0.1, 1.8, 2.2, 0.0)}
    figure = draw_layer_curves(rows, intervals={("last", "test"): open_end | closed})
    drawn = {}
    for name, panel in zip(names, figure.axes, strict=True):
        bars = [bar.get_segments()[0][:, 1] for bar in panel.collections]
        drawn[name] = [(low, min(high, panel.get_ylim()[1])) for low, high in bars]
        assert panel.get_ylim()[1] < 3
    assert drawn["noise"] == [(1.8, 2.2)]
    assert drawn["snr_internal"] == [(1.2, figure.axes[4].get_ylim()[1])]
    assert sum(map(len, drawn.values())) == 2


def test_cluster_sizes_and_appearances(fields: FilterFields):
    clusters = find_clusters(fields)
    layer = layer_statistics(clusters)
    printed = [0.5, 0.3, 0.2]
    figure = draw_cluster_sizes({"a": layer, "b": layer}, {"b": printed})
    assert len(figure.axes) == 2
    assert sum(bars(figure.axes[0])) == pytest.approx(1)
    assert bars(figure.axes[0])[0] == layer.size_fractions.get(1, 0)
    assert figure.axes[1].lines[0].get_ydata().tolist() == printed
    counts = label_statistics(clusters).appearances
    figure = draw_appearances({"a": counts}, {"a": 150})
    assert bars(figure.axes[0]) == counts.tolist()
    assert figure.axes[0].lines[0].get_ydata()[0] == counts.mean()
    assert any("paper 150" in text for text in texts(figure))


def test_fields_below_the_threshold(fields: FilterFields):
    clusters = find_clusters(fields)
    below = sub_threshold_fields(clusters, fields)
    figure = draw_sub_threshold(below)
    for panel, histogram in zip(figure.axes, (below.cluster_rows, below.other_rows), strict=True):
        values, edges, _ = panel.patches[0].get_data()
        np.testing.assert_allclose(values, 100 * histogram.counts / histogram.size)
        np.testing.assert_array_equal(edges, histogram.edges)
        assert panel.lines[0].get_xdata()[0] == histogram.mean
    sums = summed_fields(clusters, fields)
    figure = draw_summed_fields(sums, NAMES, label=2)
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[1].lines}
    np.testing.assert_allclose(drawn["right unit"], sums.signal / sums.unit_field)
    np.testing.assert_allclose(drawn["strongest wrong unit"], sums.largest_noise / sums.unit_field)
    assert figure.axes[0].patches[0].get_height() == sums.fields[2, 2] / sums.unit_field


def test_decisions_of_single_filters():
    counts = np.array([[[3, 1], [0, 0]], [[0, 4], [0, 2]]])
    by_output = np.array([[0, 0], [3, 1], [0, 6]])
    right = np.array([[0, 0], [3, 0], [0, 2]])
    by_input = np.array([[0, 0], [4, 0], [4, 2]])
    decisions = FilterDecisions(
        np.array([4, 2]), by_input, by_output, right, np.array([1, 2]), counts
    )
    figure = draw_decisions(decisions, ("a", "b"), [2])
    shown = [panel for panel in figure.axes if panel.images]
    np.testing.assert_array_equal(shown[0].images[0].get_array(), [[0, 1], [0, 1]])
    assert any("33.3% right" in t and "100.0% of decisions for label 1" in t for t in texts(figure))
    with pytest.raises(ValueError, match=r"\[1, 2\], and \[0\]"):
        draw_decisions(decisions, ("a", "b"), [0])


def test_training_curves():
    curve = pd.DataFrame(
        {"epoch": [0, 1], "loss": [2.0, 1.0], "accuracy": [0.1, 0.2], "test_accuracy": [0.3, 0.4]}
    )
    loss, accuracy = draw_training(curve).axes
    assert loss.lines[0].get_xydata().tolist() == [[1, 2], [2, 1]]
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [[0.1, 0.2], [0.3, 0.4]]
    figure = draw_heads({"$a": curve, "b": curve})
    assert figure.axes[1].lines[1].get_ydata().tolist() == [0.3, 0.4]


def draw_all(fields: FilterFields, names) -> list[Figure]:
    clusters = find_clusters(fields)
    statistics = label_statistics(clusters, fields)
    return [
        draw_matrices(fields, clusters, 0, names),
        draw_label_noise(statistics, names),
        draw_summed_fields(summed_fields(clusters, fields), names),
        draw_sub_threshold(sub_threshold_fields(clusters, fields)),
        draw_cluster_sizes({names[0]: layer_statistics(clusters)}),
        draw_appearances({names[0]: statistics.appearances}),
    ]


def test_names_of_strangers_are_drawn_as_they_are(tmp_path: Path):
    fields = layer(len(NAMES), filters=3)
    for number, figure in enumerate(draw_all(fields, NAMES)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            png, svg = reports.save_figure(figure, tmp_path / f"f{number}")
        ET.parse(svg)
        with Image.open(png) as image:
            image.verify()
        assert b"<b>" not in svg.read_bytes()
        sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
        assert min(sizes) >= 6


def test_layers_without_any_cluster_are_drawn():
    dead = FilterFields(np.ones((3, 1, 2)), -np.ones((1, 2, 3)), np.ones(3, int), ())
    for figure in draw_all(dead, ("a", "b", "c")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.savefig(io.BytesIO(), dpi=40)


def test_the_same_figure_is_the_same_file(tmp_path: Path):
    columns = ["epoch", "loss", "accuracy", "test_accuracy"]
    curve = pd.DataFrame([[0, 1.0, 0.1, 0.2]], columns=columns)
    made = []
    for name in "ab":
        files = reports.save_figure(draw_training(curve), tmp_path / name)
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]


def test_heads_by_label_stand_in_the_order_of_leading_heads(fields: FilterFields):
    found = head_specialization(find_clusters(fields), 3, fields, permutations=19)
    figure = draw_attention_heads(found, NAMES)
    matrix, led, shares = figure.axes
    named = [text.get_text() for text in shares.get_xticklabels()]
    order = [[shown_name(name, 12) for name in NAMES].index(name) for name in named]
    assert sorted(found.nodes.leading_head) == found.nodes.leading_head[order].tolist()
    np.testing.assert_array_equal(matrix.images[0].get_array(), found.nodes.matrix[:, order])
    assert [bar.get_width() for bar in led.patches] == pytest.approx(found.nodes.labels_led)
    full, hollow, expected, equal = shares.lines
    drawn = {int(x): y for line in (full, hollow) for x, y in zip(*line.get_data(), strict=True)}
    assert [drawn[i] for i in range(5)] == found.nodes.share[order].tolist()
    assert all(found.nodes.label_p_values[order[int(x)]] < 0.05 for x in full.get_xdata())
    np.testing.assert_array_equal(expected.get_ydata(), found.nodes.expected_share[order])
    assert set(equal.get_ydata()) == {1 / 3}


def test_heads_without_a_label_are_drawn():
    # The last label is in no cluster, and then none is.
    for features in (np.eye(14)[:, None, :13], np.zeros((14, 1, 13))):
        kernel = np.eye(14)[None, :13]
        silent = FilterFields(np.tile(features, 2), np.tile(kernel, (1, 2, 1)), np.full(14, 2), ())
        found = head_specialization(find_clusters(silent), 2, silent, permutations=9)
        draw_attention_heads(found, [str(i) for i in range(14)]).draw_without_rendering()
        table = leading_head_table("encoder1_heads", [str(i) for i in range(14)], found)
        assert list(table.lines())[13][1][:4] == ["13", "13", "0", ""]
        rows = attention_head_table({"encoder1_heads": found}, "test").rows
        assert rows[0]["labels"] == (13 if features.any() else 0)


def test_depth_of_heads_and_of_other_stages_are_lines_apart():
    def of(name: str, seed: int, heads: int | None) -> Stage:
        fields = layer(seed=seed)
        clusters = find_clusters(fields)
        return Stage(*(name, "test", fields, clusters, 0.1 * seed, np.zeros(5), NAMES), heads=heads)

    stages = [of("conv1", 9, None)]
    for block in (1, 2, 3):
        stages.append(of(f"encoder{block}_heads", block, 4))
        if block != 2:
            stages += [of(f"encoder{block}_ff{i}", block + i, None) for i in (1, 2)]
    lines = lines_of(Split("test", stages))
    assert lines is not None
    assert {
        kind: dict(zip(rows["block"], rows["stage"], strict=True)) for kind, rows in lines.items()
    } == {
        "attention heads": {1: "encoder1_heads", 2: "encoder2_heads", 3: "encoder3_heads"},
        "feed-forward": {1: "encoder1_ff2", 3: "encoder3_ff2"},
    }
    accuracy = draw_node_depth(lines).axes[0]
    assert [line.get_xdata().tolist() for line in accuracy.lines] == [[1, 2, 3], [1, 3]]
    assert accuracy.lines[1].get_ydata() == pytest.approx([0.3, 0.5])
    named = lines_of(Split("test", [*stages, of("encoder3_add", 7, None)]))
    assert list(named or ()) == ["attention heads", "other stages"]
    assert lines_of(Split("test", stages[:3])) is None


def test_matrices_of_heads_silenced_at_the_input():
    after, at_input = layer(filters=20).by_heads(5), layer(filters=20, seed=1).by_heads(5)
    silenced, clusters, heads = SingleHeadFields(after, at_input), find_clusters(after), [0, 3]
    panels = draw_heads_at_input(silenced, clusters, heads).axes
    assert len(panels) == 4
    for above, below, head in zip(panels[:2], panels[2:], heads, strict=True):
        order, kinds = permuted_kinds(after, clusters, head)
        np.testing.assert_array_equal(above.images[0].get_array(), kinds)
        one, other = (
            fields.boolean(head)[np.ix_(order, order)].astype(int) for fields in (after, at_input)
        )
        np.testing.assert_array_equal(below.images[0].get_array(), one + 2 * other)
        assert len(above.patches) == len(below.patches) == len(clusters.members(head))
        assert below.get_title() == f"difference {silenced.difference[head]:.2f}"


def test_matrices_of_single_heads():
    by_heads = layer(filters=20).by_heads(10)
    clusters = find_clusters(by_heads)
    heads = [0, 2, 3, 5, 9]
    panels = draw_single_heads(by_heads, clusters, heads).axes
    assert len(panels) == 5
    for panel, head in zip(panels, heads, strict=True):
        _, kinds = permuted_kinds(by_heads, clusters, head)
        np.testing.assert_array_equal(panel.images[0].get_array(), kinds)
        assert panel.get_title().startswith(f"head {head}: ")
        assert panel.get_title().endswith(f"= {clusters.noise[head]}")
        assert len(panel.patches) == len(clusters.members(head))
