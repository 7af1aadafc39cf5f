"""The view Following: clusters over the steps of a training."""

import csv
import io
import json

import numpy as np
import pytest
from browser_tab import (
    HOSTILE,
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

from sfp_keras.filters import find_clusters, follow_clusters

STATE = {"run": "net/heads", "stage": LAST.name, "view": "following"}


def test_clusters_are_followed_over_the_steps(page, base):
    found = follow_clusters({step: find_clusters(fields_at(step)) for step in (0, 5, 10)})
    expected = found.to_frame()
    frame = open_tab(page, base, **STATE)
    assert frame.locator(".chart canvas").count() == 2
    rows = list(csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode())))
    assert len(rows) == LAST.filters
    for row in rows:
        of_filter = expected.iloc[int(row["filter"])]
        for name, value in of_filter.items():
            assert row[name] == "" if np.isnan(value) else float(row[name]) == value
    births = [float(row["birth"]) for row in rows if row["birth"]]
    assert births == sorted(births, reverse=True)
    # The filter with most clusters: which labels they have, and since when.
    frame.get_by_role("button", name="Lives").click()
    frame.get_by_role("button", name="Lives").click()
    chosen = frame.locator(".followed tbody button").first
    index = int(chosen.text_content())
    assert expected["lives"][index] == expected["lives"].max()
    chosen.click()
    frame.wait_for_function("f => parent.location.hash.includes(`filter=${f}`)", arg=index)
    settle(frame)
    lives = found.lives.to_frame().query(f"filter == {index} and birth == birth")
    named = [
        f"{', '.join(LABELS[i] for i in members)}: since epoch {birth:g}"
        for members, birth in zip(
            [np.flatnonzero(found.life_id[-1, index] == number) for number in lives["number"]],
            lives["birth"],
            strict=True,
        )
    ]
    shown = frame.locator(".lives li").all_text_contents()
    assert [text.strip() for text in shown] == named
    canvas = frame.locator(".life-map canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 5, "y": 5})
    assert ", epoch 10: " in frame.locator(".life-map p").text_content()
    frame.get_by_text("Fields", exact=True).click()
    data, _ = download(page, frame, "SVG")
    assert HOSTILE.encode() not in data
    assert "Fields on each label’s own unit" in data.decode()
    exported = json.loads(download(page, frame, "JSON")[0])
    assert exported["rows"][1]["step"] == 5
    # What the mouse reads of the map.
    assert exported["followed_filter"]["filter"] == index
    assert exported["followed_filter"]["life"] == found.life_id[:, index].tolist()
    # The map of another filter is neither shown nor exported as that of the one chosen.
    with held_requests(page, "followed_filter") as held:
        frame.locator(".followed tbody button[aria-pressed=false]").first.click()
        wait_until(page, lambda: held)
        wait_until(page, lambda: waits_for_the_answer(frame, "PNG"))
        assert frame.locator(".life-map").count() == 0
    settle(frame)
    # Nor that of another threshold.
    with held_requests(page, "followed_filter") as held:
        frame.get_by_label("Threshold as a number").fill("0.5")
        frame.wait_for_selector("details caption:has-text('threshold 0.5')", state="attached")
        frame.wait_for_selector(".view > .fresh")
        wait_until(page, lambda: held)
        wait_until(page, lambda: waits_for_the_answer(frame, "SVG"))
        assert not waits_for_the_answer(frame, "CSV")
    settle(frame)
    data, name = download(page, frame, "SVG")
    assert name.endswith("-t0.5.svg")
    assert "threshold 0.5" in data.decode()


@pytest.mark.slow
def test_a_stage_of_one_step_leads_to_those_of_several(page, base):
    def with_one_step(route):
        log = route.fetch().json()
        for stage in log["runs"][-1]["stages"]:
            stage["steps"] = stage["steps"][-1:]
        route.fulfill(json=log)

    page.route("**/clusters/runs", with_one_step)
    frame = open_tab(page, base, view="following", run="small/train")
    assert "tiny was measured at one step" in frame.locator("main").text_content()
    frame.get_by_role("button", name="net/heads").click()
    frame.wait_for_selector(".life-map canvas")
    settle(frame)
