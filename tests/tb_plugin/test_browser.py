"""The tab as people meet it: in a real browser, and what concerns TensorBoard in TensorBoard."""

import csv
import io
import json
import urllib.parse
import urllib.request

import numpy as np
import pytest
from browser_tab import (
    HOSTILE,
    LABELS,
    LAST,
    download,
    fields_at,
    new_page,
    open_tab,
    shown_filters,
)
from real_tab import settle, tab_address, tab_frame

from sfp_keras.filters import find_clusters
from tb_plugin.demo import STAGES


def ask(base, route, **query):
    query = {"run": "net/heads", "stage": LAST.name, **query}
    address = f"{base}data/plugin/clusters/{route}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(address) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def in_tensorboard(browser, base):
    """TensorBoard's own page, which takes long to open, and the tab in it."""
    with new_page(browser) as page:
        yield page, open_tab(page, base)
        assert page.complaints == []


def test_every_view_opens_from_the_default(in_tensorboard):
    page, frame = in_tensorboard
    assert frame.locator("tbody tr").count() == len(STAGES)
    for view, sign in (
        ("Training", ".chart canvas"),
        ("Filters", ".cell canvas"),
        ("Labels", ".chart canvas"),
        ("Stages", ".chart canvas"),
    ):
        frame.get_by_role("tab", name=view, exact=True).click()
        frame.wait_for_selector(sign)
        settle(frame)
    frame.get_by_role("tab", name="Stages", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    frame.wait_for_selector(".matrix-box canvas")
    assert frame.locator(".matrix-box canvas").count() == 3


def test_the_threshold_takes_effect_at_once(page, base):
    frame = open_tab(page, base, view="gallery", sort="number")
    frame.locator("#threshold").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    frame.wait_for_function("() => parent.location.hash.includes('threshold=0.5')")
    settle(frame)
    expected = ask(base, "filters", threshold=0.5)
    # Numbers of what is in sight, in order, are those of sfp_keras.filters.
    noise = find_clusters(fields_at(10), 0.5).noise
    assert expected["noise"] == noise.tolist()
    captions = frame.eval_on_selector_all(
        ".cell", "all => all.map(e => e.getAttribute('aria-label'))"
    )
    for filter_index, caption in enumerate(captions):
        dead = expected["dead"][filter_index]
        words = "dead" if dead else f"noise {noise[filter_index]},"
        assert words in caption
        assert f"Filter {filter_index}," in caption
    frame.get_by_role("button", name="Back to 0.3").click()
    frame.wait_for_function("() => !parent.location.hash.includes('threshold')")


def test_filtering_by_a_hostile_label_and_opening_a_filter(page, base):
    frame = open_tab(page, base, view="gallery", sort="number")
    search = frame.get_by_label("Label in a cluster")
    search.fill(HOSTILE[:8])
    search.press("Enter")
    frame.wait_for_function("() => parent.location.hash.includes('label=1')")
    settle(frame)
    expected = ask(base, "filters", label=1)["filters"]
    assert 0 < len(expected) < LAST.filters
    shown = shown_filters(frame)
    assert shown == expected[: len(shown)]
    frame.locator(".cell").first.click()
    frame.wait_for_selector(".matrix-box canvas")
    chips = frame.locator(".chip").all_text_contents()
    assert HOSTILE in [chip.strip() for chip in chips]
    assert frame.locator("img").count() == 0
    canvas = frame.locator(".matrix-box canvas").first
    side = canvas.bounding_box()["width"]
    canvas.hover(position={"x": side * 0.15, "y": side * 0.95})
    # Row 9 is the input label, column 1 the output unit.
    names = frame.locator(".pointed .name").all_text_contents()
    assert [name.strip() for name in names] == [LABELS[9], HOSTILE]
    number = frame.locator(".pointed b").first.text_content()
    field = fields_at(10).matrix(expected[0])[9, 1]
    assert float(number.replace("−", "-")) == pytest.approx(field, abs=6e-3)
    page.keyboard.press("Tab")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    assert frame.locator(".cross").count() > 0


def test_what_is_shown_is_exported(page, base):
    frame = open_tab(page, base, view="filter", filter=4, threshold=0.4)
    data, name = download(page, frame, "CSV")
    assert name == "clusters-layer13-filter4-t0.4.csv"
    lines = list(csv.reader(io.StringIO(data.decode())))
    assert tuple(lines[0][1:]) == LABELS
    matrix = np.array([line[1:] for line in lines[1:]], np.float32)
    np.testing.assert_array_equal(matrix, fields_at(10).matrix(4))
    data, _ = download(page, frame, "JSON")
    exported = json.loads(data)
    assert exported["clusters"] == find_clusters(fields_at(10), 0.4).members(4)
    data, _ = download(page, frame, "PNG")
    assert data.startswith(b"\x89PNG")
    frame.get_by_role("tab", name="Labels", exact=True).click()
    settle(frame)
    data, _ = download(page, frame, "CSV")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [row["name"] for row in rows] == list(LABELS)


def test_where_no_filter_has_the_label_it_can_be_cleared(page, base):
    def of_no_filter(route):
        answer = route.fetch().json()
        route.fulfill(json={k: [] if isinstance(v, list) else v for k, v in answer.items()})

    page.route("**/clusters/filters?*label=9*", of_no_filter)
    frame = open_tab(page, base, view="filter", label=9, threshold=0.4)
    message = frame.locator("main .message")
    assert f"No filter has “{LABELS[9]}” in a cluster" in message.text_content()
    message.get_by_role("button", name="clear the label").click()
    frame.wait_for_selector(".matrix-box canvas")
    page.unroute("**/clusters/filters?*label=9*")


@pytest.mark.slow
def test_every_view_is_exported_in_every_form(page, base):
    frame = open_tab(page, base, view="filter", filter=4)
    for view in ("Stages", "Training", "Filters", "Labels"):
        frame.get_by_role("tab", name=view, exact=True).click()
        settle(frame)
        for kind, start in (("PNG", b"\x89PNG"), ("CSV", b""), ("JSON", b"{")):
            data, _ = download(page, frame, kind)
            assert data.startswith(start)
            assert len(data) > 300


def test_dark_follows_tensorboard_or_the_user(in_tensorboard):
    page, frame = in_tensorboard
    theme = "document.documentElement.dataset.theme"
    surface = "getComputedStyle(document.querySelector('.side')).backgroundColor"
    assert frame.evaluate(theme) == "light"
    light = frame.evaluate(surface)
    page.evaluate("document.body.classList.add('dark-mode')")
    frame.wait_for_function(f"() => {theme} === 'dark'")
    assert frame.evaluate(surface) != light
    frame.get_by_label("Theme").select_option("light")
    frame.wait_for_function(f"() => {theme} === 'light'")
    frame.wait_for_function("() => parent.location.hash.includes('p.clusters.theme=light')")


def test_an_answer_to_a_question_before_the_log_changed_is_not_kept(in_tensorboard):
    _, frame = in_tensorboard
    module = frame.evaluate(
        "performance.getEntriesByType('resource').find(e => e.name.endsWith('lib/api.js')).name"
    )
    asked = frame.evaluate(
        """async module => {
          const {forgetAnswers, getJson} = await import(module);
          const fetch = window.fetch;
          let times = 0;
          const ask = () => getJson('not-asked-yet', {});
          try {
            window.fetch = async () => new Response(String(++times));
            const old = ask();
            await Promise.resolve();  // The question is put.
            forgetAnswers();
            return [await old, await ask(), await ask(), times];
          } finally {
            window.fetch = fetch;
          }
        }""",
        module,
    )
    assert asked == [1, 2, 2, 2]


def test_the_address_carries_the_state(in_tensorboard, page):
    in_it, frame = in_tensorboard
    frame.get_by_role("tab", name="Filters", exact=True).click()
    frame.get_by_role("combobox", name="Stage").select_option("layer7")
    frame.get_by_label("Sort by").select_option("clusters")
    frame.get_by_role("button", name="Reverse the order").click()
    frame.get_by_label("Threshold as a number").fill("0.45")
    frame.get_by_label("Follow new data").uncheck()
    frame.locator("#step").press("ArrowLeft")
    frame.wait_for_function(
        "() => /step=5/.test(parent.location.hash) && /0.45/.test(parent.location.hash)"
    )
    settle(frame)
    shown = shown_filters(frame)
    page.goto(in_it.url)
    again = tab_frame(page)
    settle(again)
    assert shown_filters(again) == shown
    assert again.get_by_role("combobox", name="Stage").input_value() == "layer7"
    assert again.get_by_label("Threshold as a number").input_value() == "0.45"
    assert not again.get_by_label("Follow new data").is_checked()
    assert again.locator("output").text_content() == "5 of 10"


def test_an_error_says_what_to_do_and_can_be_mended(page, base):
    frame = open_tab(page, base)
    page.route("**/clusters/labels*", lambda route: route.abort())
    frame.get_by_role("tab", name="Labels").click()
    alert = frame.get_by_role("alert")
    alert.wait_for()
    assert "Is it still running?" in alert.text_content()
    page.unroute("**/clusters/labels*")
    alert.get_by_role("button", name="Try again").click()
    frame.wait_for_selector(".chart canvas")
    # The browser itself reports the request that this test cut off.
    page.complaints = [text for text in page.complaints if "net::ERR_FAILED" not in text]


def test_an_empty_log_shows_what_is_wrong_with_it(page, base):
    answer = {"runs": [], "schema": 1, "revision": "0", "notices": ["a newer log"]}
    page.route("**/clusters/runs", lambda route: route.fulfill(json=answer))
    page.goto(tab_address(base, view="stages"))
    frame = tab_frame(page)
    frame.wait_for_selector("text=No clusters logged yet")
    assert frame.locator("text=a newer log").count() == 1
