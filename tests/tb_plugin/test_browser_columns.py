"""Every number of the tab is explained where one meets it, and can be sorted by and exported."""

import csv
import io
import itertools

import numpy as np
import pytest
from browser_tab import LABELS, LAST, download, fields_at, open_tab, shown_filters
from real_tab import settle

from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_QUANTITIES,
    filter_statistics,
    find_clusters,
)

STATE = {"run": "net/heads", "stage": LAST.name, "step": 10}
NUMBERS = [one for one in FILTER_QUANTITIES if one.numeric]


def test_filters_are_sorted_by_every_declared_number(page, base):
    fields = fields_at(10)
    statistics = filter_statistics(find_clusters(fields), fields)
    frame = open_tab(page, base, view="gallery", descending=1, **STATE)
    for one in NUMBERS:
        frame.get_by_label("Sort by").select_option(one.key)
        frame.wait_for_function(
            "key => (/sort=(\\w+)/.exec(parent.location.hash)?.[1] ?? 'strongest') === key",
            arg=one.key,
        )
        settle(frame)
        values = np.where(statistics.dead, -np.inf, getattr(statistics, one.key))
        shown = values[shown_filters(frame)]
        assert (np.diff(shown[np.isfinite(shown)]) <= 0).all()
        assert shown[0] == np.nanmax(values)
        title = frame.get_by_label("Sort by").get_attribute("title")
        assert one.hint in title
    rows = list(csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode())))
    for one in NUMBERS:
        values = getattr(statistics, one.key)
        exported = [float(row[one.key] or "nan") for row in rows]
        np.testing.assert_allclose(exported, values[[int(row["filter"]) for row in rows]])


def test_filters_of_a_label_stand_together_and_name_their_clusters(page, base):
    fields = fields_at(10)
    clusters = find_clusters(fields)
    found = [clusters.members(f) for f in range(LAST.filters)]
    own = [fields.matrix(f).diagonal() for f in range(LAST.filters)]
    strongest = [
        max(itertools.chain(*labels), key=lambda i, f=f: own[f][i], default=99)
        for f, labels in enumerate(found)
    ]
    order = sorted(range(LAST.filters), key=lambda f: (strongest[f], clusters.noise[f]))
    frame = open_tab(page, base, view="gallery", **STATE)
    shown = shown_filters(frame)
    assert shown == [f for f in order if not clusters.dead[f]][: len(shown)]
    index = next(i for i, f in enumerate(shown) if len(found[f]) > 1)
    lines = [
        f"Cluster {i + 1}: {', '.join(LABELS[label] for label in labels)}"
        for i, labels in enumerate(found[shown[index]])
    ]
    cell = frame.locator(".cell").nth(index)
    assert ". ".join(lines) in cell.get_attribute("aria-label")
    assert cell.locator(".names b").text_content() == LABELS[strongest[shown[index]]]
    # Beside what the keyboard stands on, until Escape.
    frame.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    for _ in range(index - 1):
        page.keyboard.press("ArrowRight")
    listed = frame.locator(".cell-note li").all_text_contents()
    assert [f"Cluster {i + 1}: {text.strip()}" for i, text in enumerate(listed)] == lines
    page.keyboard.press("Escape")
    assert frame.locator(".cell-note").count() == 0
    assert "in a cluster" in frame.get_by_role("group", name="Legend").text_content()


@pytest.mark.parametrize(
    ("view", "quantities"), [("stages", LAYER_QUANTITIES), ("labels", LABEL_QUANTITIES)]
)
def test_headings_say_what_they_are(page, base, view, quantities):
    frame = open_tab(page, base, view=view, **STATE)
    hints = frame.eval_on_selector_all(
        "thead th, thead button", "all => all.map(e => e.getAttribute('title') ?? '')"
    )
    for one in quantities:
        assert any(one.hint in hint for hint in hints), one.key
    symbols = frame.locator("thead").inner_html()
    assert "<var>noise</var><sub>I</sub>" in symbols
    frame.get_by_text("What the numbers mean").click()
    explained = frame.locator(".explanations dl").inner_text()
    assert all(one.hint in explained for one in quantities)


def test_only_single_letters_that_stand_alone_are_variables(page, base):
    frame = open_tab(page, base, view="stages", **STATE)
    module = frame.evaluate(
        "performance.getEntriesByType('resource').find(e => e.name.endsWith('columns.js')).name"
    )
    typeset = frame.evaluate(
        """async module => (await import(module)).symbols("a label’s or label's n and C_s")
            .map((part, i) => (i % 2 ? '*' : part)).join('')""",
        module,
    )
    assert typeset == "a label’s or label's * and *"


def test_a_band_of_heads_ends_where_their_deviation_is_not_known(page, base):
    frame = open_tab(page, base, view="stages", **STATE)
    module = frame.evaluate(
        "performance.getEntriesByType('resource')"
        ".find(e => e.name.endsWith('errorcolumns.js')).name"
    )
    rows = [{"n_mean": 2, "n_std": 0.5}, {"n_mean": None, "n_std": None}, {"n_mean": 3, "n_std": 1}]
    band = frame.evaluate(
        "async ([module, rows]) => (await import(module)).barsOf(rows, 'n').band", [module, rows]
    )
    # `undefined`, which comes as a missing value too, would be drawn across.
    ends = "async ([module, rows]) => (await import(module)).barsOf(rows, 'n').band.low[1] === null"
    assert band == {"low": [1.5, None, 2], "high": [2.5, None, 4]}
    assert frame.evaluate(ends, [module, rows])


def test_a_filter_shows_all_its_numbers(page, base):
    fields = fields_at(10)
    statistics = filter_statistics(find_clusters(fields), fields)
    alive = int(np.flatnonzero(~statistics.dead)[0])
    frame = open_tab(page, base, view="filter", filter=alive, **STATE)
    facts = frame.locator(".facts").inner_text()
    for one in NUMBERS:
        assert one.title.lower() in facts.lower()
        hints = frame.eval_on_selector_all(".facts [title]", "all => all.map(e => e.title)")
        assert any(one.hint in hint for hint in hints)
    assert f"{statistics.selectivity[alive]:.3f}" in facts


def test_addresses_of_earlier_versions_open_the_stages(page, base):
    frame = open_tab(page, base, view="layers", **STATE)
    tab = frame.get_by_role("tab", name="Stages")
    assert tab.get_attribute("aria-selected") == "true"
