"""Two measurements filter by filter, against a literal definition of what changed."""

import csv
import io
import json

import pytest
from browser_tab import (
    LABELS,
    LAST,
    download,
    fields_at,
    held_requests,
    open_tab,
    wait_until,
    waits_for_the_answer,
)
from real_tab import settle

from sfp_keras.filters import find_clusters
from tb_plugin.demo import STAGES

STATE = {"run": "net/heads", "stage": LAST.name, "step": 10}


def pairs(clusters):
    return {(i, j) for labels in clusters for i in labels for j in labels}


def changes(before, after):
    """What the tab says of a filter, from its clusters at two steps."""
    either = pairs(before) | pairs(after)
    labels, later = {i for c in before for i in c}, {i for c in after for i in c}
    return {
        "change": 1 - len(pairs(before) & pairs(after)) / len(either) if either else 0,
        "shared": sum(c in after for c in before),
        "gained_labels": sorted(later - labels),
        "lost_labels": sorted(labels - later),
        "labels_a": before,
        "labels_b": after,
    }


def test_filters_of_two_steps_are_compared(page, base):
    steps = [find_clusters(fields_at(step)) for step in (0, 10)]
    expected = [changes(*(c.members(f) for c in steps)) for f in range(LAST.filters)]
    frame = open_tab(page, base, view="compare", **STATE)
    rows = list(csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode())))
    assert len(rows) == LAST.filters
    for row in rows:
        for key, value in expected[int(row["filter"])].items():
            wanted = pytest.approx(value) if key == "change" else value
            assert json.loads(row[key]) == wanted, key
        noise = [int(c.noise[int(row["filter"])]) for c in steps]
        assert [int(row["noise_a"]), int(row["noise_b"])] == noise
    shown = [float(row["change"]) for row in rows]
    assert shown == sorted(shown, reverse=True)
    data, _ = download(page, frame, "PNG")
    assert data.startswith(b"\x89PNG")
    # The first that gained a label, in detail by the keyboard and back.
    listed = frame.locator(".changed").evaluate_all("all => all.map(e => Number(e.dataset.filter))")
    assert listed == [int(row["filter"]) for row in rows[: len(listed)]]
    index = next(f for f in listed if expected[f]["gained_labels"])
    frame.locator(f".changed[data-filter='{index}']").press("Enter")
    settle(frame)
    assert frame.evaluate("document.activeElement.textContent").startswith(f"Filter {index} in")
    assert frame.locator(".matrix-box canvas").count() == 3
    chips = frame.locator(".chip").all_text_contents()
    gained = {LABELS[i] for i in expected[index]["gained_labels"]}
    assert {chip.strip()[2:] for chip in chips if chip.strip().startswith("+ ")} == gained
    # No file of a new threshold holds the matrices of the one before. What fails says so.
    page.route(
        "**/clusters/stages?*",
        lambda route: route.fulfill(status=500, json={"error": "no memory"}),
    )
    with held_requests(page, "filter") as held:
        frame.get_by_label("Threshold as a number").fill("0.5")
        wait_until(page, lambda: held)
        wait_until(page, lambda: not waits_for_the_answer(frame, "CSV"))
        assert waits_for_the_answer(frame, "PNG")
        assert download(page, frame, "CSV")[1].endswith("-t0.5.csv")
    settle(frame)
    wait_until(page, lambda: not waits_for_the_answer(frame, "PNG"))
    frame.get_by_role("alert").get_by_text("no memory").wait_for()
    page.unroute("**/clusters/stages?*")
    page.complaints = [text for text in page.complaints if "status of 500" not in text]
    frame.get_by_role("button", name="Back to 0.3").click()
    frame.wait_for_function("() => !parent.location.hash.includes('threshold')")
    settle(frame)
    frame.get_by_role("button", name="Close").press("Enter")
    frame.wait_for_function("f => document.activeElement.dataset.filter === f", arg=str(index))
    # The other way round, what was gained is lost.
    frame.get_by_role("button", name="Swap A and B").click()
    frame.wait_for_function("() => parent.location.hash.includes('astep=10')")
    settle(frame)
    swapped = json.loads(download(page, frame, "JSON")[0])
    assert (swapped["a"]["step"], swapped["b"]["step"]) == (10, 0)
    of_index = next(row for row in swapped["rows"] if row["filter"] == index)
    assert of_index["lost_labels"] == expected[index]["gained_labels"]


def test_measurements_that_do_not_fit_are_not_compared(page, base):
    frame = open_tab(page, base, view="compare", arun="gone", astage=STAGES[0].name, **STATE)
    assert "“gone”" in frame.locator("main .notice").text_content()
    message = frame.locator("main .message").text_content()
    assert f"A has {STAGES[0].filters} filters, B has {LAST.filters}" in message
    choice = frame.get_by_role("group", name="A", exact=True)
    choice.get_by_label("Stage").select_option(LAST.name)
    frame.wait_for_selector(".changed")
    choice.get_by_label("Step").select_option("10")
    frame.wait_for_selector("text=They are one measurement")
