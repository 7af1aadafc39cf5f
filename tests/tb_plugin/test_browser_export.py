"""Exported files hold what their names say, also where the answer to a new choice takes long."""

import csv
import io
import json

import pytest
from browser_tab import (
    LABELS,
    LAST,
    download,
    export_button,
    fields_at,
    held_requests,
    open_tab,
    wait_until,
    waits_for_the_answer,
    written_on_pictures,
)
from real_tab import settle

from sfp_keras.filters import find_clusters, label_statistics

FORMATS = ("PNG", "CSV", "JSON")
STATE = {"run": "net/heads", "stage": LAST.name, "step": 10, "sort": "number"}


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.parametrize(
    ("view", "route", "number"),
    [
        ("stages", "stages", "noise"),
        pytest.param("gallery", "filters", "noise", marks=pytest.mark.slow),
        pytest.param("curves", "curves", "noise", marks=pytest.mark.slow),
        pytest.param("labels", "labels", "signal", marks=pytest.mark.slow),
        pytest.param("filter", "filter", None, marks=pytest.mark.slow),
    ],
)
def test_old_numbers_are_not_exported_under_a_new_threshold(page, base, view, route, number):
    frame = open_tab(page, base, view=view, filter=4, **STATE)
    saved = []
    page.on("download", lambda file: saved.append(file.suggested_filename))
    before, _ = download(page, frame, "CSV")
    with held_requests(page, route) as held:
        frame.get_by_label("Threshold as a number").fill("0.5")
        frame.wait_for_function("() => parent.location.hash.includes('threshold=0.5')")
        frame.wait_for_selector("[aria-busy=true]")
        for kind in FORMATS:
            export_button(frame, kind).click(force=True)
        wait_until(page, lambda: held)
        assert all(waits_for_the_answer(frame, kind) for kind in FORMATS)
    settle(frame)
    after, name = download(page, frame, "CSV")
    exported = json.loads(download(page, frame, "JSON")[0])
    texts = written_on_pictures(page, frame)
    # Those that were asked for too early are none of them.
    assert len(saved) == 4
    assert exported["threshold"] == 0.5
    assert name.endswith("-t0.5.csv")
    assert any("threshold 0.5" in text for text in texts)
    if number is None:
        assert exported["clusters"] == find_clusters(fields_at(10), 0.5).members(4)
        assert any("step 10" in text for text in texts)
    else:
        old, new = rows_of(before), rows_of(after)
        assert {row["threshold"] for row in old} == {"0.3"}
        assert {row["threshold"] for row in new} == {"0.5"}
        assert [row[number] for row in old] != [row[number] for row in new]
        if view in ("gallery", "labels"):
            assert {row["step"] for row in new} == {"10"}
            assert exported["step"] == 10


def test_the_gallery_exports_no_list_before_it_is_known(page, base):
    clusters = find_clusters(fields_at(10))
    with held_requests(page, "filters") as held:
        frame = open_tab(page, base, **STATE, wait=False)
        frame.get_by_role("tab", name="Filters", exact=True).click()
        frame.wait_for_selector(".count:has-text('Sorting')")
        frame.wait_for_selector(".cell canvas:not(.waiting)")
        wait_until(page, lambda: held)
        assert all(waits_for_the_answer(frame, kind) for kind in FORMATS)
    frame.wait_for_selector(f".count:has-text('{LAST.filters}')")
    settle(frame)
    rows = rows_of(download(page, frame, "CSV")[0])
    assert [int(row["noise"]) for row in rows] == clusters.noise.tolist()
    members = [clusters.members(f) for f in range(LAST.filters)]
    assert [json.loads(row["labels"]) for row in rows] == members
    exported = json.loads(download(page, frame, "JSON")[0])
    assert [row["labels"] for row in exported["rows"]] == members
    texts = written_on_pictures(page, frame)
    live = [f for f in range(8) if clusters.noise[f] > 0]
    assert {f"{f}  n {clusters.noise[f]}" for f in live} <= set(texts)
    alone = next(f for f in live if clusters.in_cluster[f].sum() == 1)
    assert LABELS[clusters.members(alone)[0][0]] in texts
    assert not any("undefined" in text for text in texts)


def test_a_picture_of_the_gallery_waits_for_its_thumbnails(page, base):
    frame = open_tab(page, base, view="gallery", **STATE)
    with held_requests(page, "thumbnails") as held:
        frame.get_by_label("Threshold as a number").fill("0.5")
        frame.wait_for_function("() => parent.location.hash.includes('threshold=0.5')")
        frame.wait_for_selector(".view > .fresh")
        data, name = download(page, frame, "CSV")
        wait_until(page, lambda: held)
        assert name == f"clusters-filters-{LAST.name}-t0.5.csv"
        noise = find_clusters(fields_at(10), 0.5).noise
        assert [int(row["noise"]) for row in rows_of(data)] == noise.tolist()
        wait_until(page, lambda: waits_for_the_answer(frame, "PNG"))
    settle(frame)
    texts = written_on_pictures(page, frame)
    assert f"0  n {noise[0]}" in texts
    assert any("threshold 0.5" in text for text in texts)


def test_a_new_step_is_exported_when_it_is_there(page, base):
    frame = open_tab(page, base, view="labels", **STATE)
    with held_requests(page, "labels"):
        frame.locator("#step").press("ArrowLeft")
        frame.wait_for_function("() => parent.location.hash.includes('step=5')")
        frame.wait_for_selector("[aria-busy=true]")
        wait_until(page, lambda: all(waits_for_the_answer(frame, kind) for kind in FORMATS))
    settle(frame)
    rows = rows_of(download(page, frame, "CSV")[0])
    fields = fields_at(5)
    expected = label_statistics(find_clusters(fields), fields).signal
    assert [row["name"] for row in rows] == list(LABELS)
    assert [float(row["signal"]) for row in rows] == pytest.approx(list(expected))
    assert {row["step"] for row in rows} == {"5"}
