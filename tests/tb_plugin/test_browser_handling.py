"""The tab in the hand: typing, keyboard, Back, narrow windows, haste, and other people's labels."""

import csv
import io

from browser_tab import (
    LAST,
    SMALL,
    SMALL_LABELS,
    download,
    open_tab,
    shown_filters,
    wait_until,
)
from real_tab import settle, tab_address, tab_frame

ON_CELL = "() => document.activeElement.dataset.at === '{}'"


def wait_for_address(frame, text):
    frame.wait_for_function(f"() => parent.location.hash.includes('{text}')")


def test_a_threshold_is_typed_digit_by_digit(page, base):
    frame = open_tab(page, base, view="gallery")
    field = frame.get_by_label("Threshold as a number")
    field.press("Control+a")
    field.press_sequentially("0.45", delay=150)
    assert field.input_value() == "0.45"
    wait_for_address(frame, "threshold=0.45")
    assert field.input_value() == "0.45"
    field.fill("1.5")
    assert field.get_attribute("aria-invalid") == "true"
    assert frame.get_by_text("0.45 still holds").count() == 1
    for senseless in ("1.5", ""):
        field.fill(senseless)
        field.blur()
        assert field.input_value() == "0.45"
    assert field.get_attribute("aria-invalid") == "false"
    field.press("ArrowUp")
    wait_for_address(frame, "threshold=0.46")
    frame.locator("#threshold").press("ArrowLeft")
    frame.wait_for_function("() => document.querySelector('.number-field').value === '0.45'")


def test_the_keyboard_keeps_its_place_in_the_gallery(page, base):
    frame = open_tab(page, base, view="gallery", sort="number")
    last = LAST.filters - 1
    frame.locator(".cell").first.focus()
    for key, at in (("End", last), ("Home", 0), ("End", last), ("ArrowLeft", last - 1)):
        page.keyboard.press(key)
        frame.wait_for_function(ON_CELL.format(at))
    page.keyboard.press("PageUp")
    on_earlier = "() => Number(document.activeElement.dataset.at) < {}"
    frame.wait_for_function(on_earlier.format(last - 1))
    settle(frame)
    at = int(frame.evaluate("document.activeElement.dataset.at"))
    item = frame.locator("[role=listitem]", has=frame.locator(f"[data-at='{at}']"))
    assert item.get_attribute("aria-posinset") == str(at + 1)
    assert item.get_attribute("aria-setsize") == str(LAST.filters)
    # Scrolling it out of sight does not lose it either.
    frame.evaluate("document.querySelector('.gallery-box').scrollTop = 0")
    frame.wait_for_selector("[data-at='0']")
    assert frame.evaluate("document.activeElement.dataset.at") == str(at)
    # It stays with its filter where the list is sorted again.
    for place in (last - at, at):
        frame.evaluate("document.querySelector('[aria-label=\"Reverse the order\"]').click()")
        frame.wait_for_function(ON_CELL.format(place))
        assert frame.evaluate("document.activeElement.dataset.filter") == str(at)
        box = frame.locator(f"[data-at='{place}']").bounding_box()
        assert 0 < box["y"] < 800 - box["height"]
        for key, next_place in (("ArrowLeft", place - 1), ("ArrowRight", place)):
            page.keyboard.press(key)
            frame.wait_for_function(ON_CELL.format(next_place))
    page.keyboard.press("Enter")
    frame.wait_for_function("() => document.activeElement.matches('.filter-title')")
    assert frame.locator(".filter-title").text_content().split()[:2] == ["Filter", str(at)]
    frame.get_by_role("button", name="All filters").press("Enter")
    frame.wait_for_function(ON_CELL.format(at))
    assert frame.evaluate("document.querySelector('.gallery-box').scrollTop") > 0
    box = frame.locator(f"[data-at='{at}']").bounding_box()
    assert 0 < box["y"] < 800 - box["height"]


def test_back_leads_from_a_filter_to_where_it_was_opened(page, base):
    frame = open_tab(page, base)
    frame.get_by_role("tab", name="Filters", exact=True).click()
    frame.locator(".cell").nth(2).click()
    frame.wait_for_selector(".matrix-box canvas")
    opened = frame.locator(".filter-title").text_content()
    frame.get_by_role("button", name="Next").click()
    frame.wait_for_function(
        "(old) => document.querySelector('.filter-title').textContent !== old", arg=opened
    )
    page.go_back()
    frame.wait_for_function(
        "(old) => document.querySelector('.filter-title').textContent === old", arg=opened
    )
    page.go_back()
    frame.wait_for_selector(".cell canvas")
    page.go_back()
    frame.wait_for_selector("tbody")
    assert frame.get_by_role("tab", name="Stages").get_attribute("aria-selected") == "true"
    page.go_forward()
    frame.wait_for_selector(".cell canvas")


def test_back_twice_is_back_twice_however_late_the_browser_draws(page, base):
    frame = open_tab(page, base)
    frame.get_by_role("tab", name="Filters", exact=True).click()
    frame.locator(".cell").nth(2).click()
    frame.wait_for_selector(".matrix-box canvas")
    frame.get_by_role("button", name="Next").click()
    # The second Back follows the first as soon as that is seen, before the next frame.
    frame.evaluate("""() => {
        const title = document.querySelector('.filter-title').textContent;
        const frames = window.requestAnimationFrame;
        window.requestAnimationFrame = () => 0;
        new MutationObserver((_, observer) => {
            if (document.querySelector('.filter-title').textContent === title) return;
            observer.disconnect();
            window.parent.history.back();
            setTimeout(() => { window.requestAnimationFrame = frames; }, 200);
        }).observe(document.body, {subtree: true, childList: true, characterData: true});
        window.parent.history.back();
    }""")
    frame.wait_for_selector(".cell canvas")
    page.go_back()
    frame.wait_for_selector("tbody")
    assert frame.get_by_role("tab", name="Stages").get_attribute("aria-selected") == "true"


def test_a_narrow_window_shows_the_filters(page, base):
    page.set_viewport_size({"width": 500, "height": 850})
    frame = open_tab(page, base, view="gallery")
    box = frame.locator(".gallery-box").bounding_box()
    assert box["height"] > 400
    assert (box["x"], box["width"]) == (0, 500)
    assert frame.locator(".cell").first.bounding_box()["y"] < 600
    slider = frame.locator("#threshold")
    assert not slider.is_visible()
    frame.locator(".side summary").click()
    slider.press("ArrowRight")
    wait_for_address(frame, "threshold=0.31")
    assert "threshold 0.31" in frame.locator(".side summary").text_content()
    for view in ("stages", "filter", "labels"):
        frame = open_tab(page, base, view=view)
        overhang = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert frame.evaluate(overhang) <= 0
    page.set_viewport_size({"width": 340, "height": 700})
    for view in ("Stages", "Training", "Following"):
        frame.get_by_role("tab", name=view, exact=True).click()
        settle(frame)
        right = max(
            canvas.bounding_box()["x"] + canvas.bounding_box()["width"]
            for canvas in frame.locator(".chart canvas").all()
        )
        assert right <= 340


def test_haste_at_the_slider_does_not_flood_the_server(page, base):
    frame = open_tab(page, base)
    held = []
    page.route("**/clusters/filters*", lambda route: held.append(route))
    frame.get_by_role("tab", name="Filters", exact=True).click()
    frame.locator("#threshold").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight", delay=110)
    wait_until(page, lambda: held and "threshold=0.38" in held[-1].request.url)
    # The view's first, and the last move; one or two more where the browser is slow.
    assert 2 <= len(held) <= 4
    for route in held:
        route.continue_()
    page.unroute("**/clusters/filters*")
    frame.wait_for_selector(".count:has-text('256')")


def test_another_run_has_other_filters_and_labels(page, base):
    state = {"run": "net/heads", "stage": LAST.name, "filter": 200, "label": 9}
    frame = open_tab(page, base, view="filter", **state)
    assert frame.locator(".filter-title").text_content().startswith("Filter 200")
    frame.get_by_label("Run").select_option("small/train")
    frame.wait_for_function("() => !parent.location.hash.includes('filter=')")
    settle(frame)
    assert frame.locator(".matrix-box canvas").count() > 0
    assert frame.get_by_role("alert").count() == 0
    assert frame.locator(".notice").count() == 0
    assert frame.get_by_role("combobox", name="Stage").input_value() == SMALL.name
    page.goto("about:blank")
    frame = open_tab(page, base, view="filter", stage="nowhere", filter=999, label=77)
    notices = frame.locator(".notice").all_text_contents()
    assert len(notices) == 3
    for word, text in zip(("nowhere", "999", "77"), notices, strict=True):
        assert word in text
    assert frame.locator(".matrix-box canvas").count() > 0
    for _ in notices:
        frame.get_by_role("button", name="Dismiss").first.click()
    frame.wait_for_function("() => !/nowhere|999|77/.test(parent.location.hash)")


def test_infinite_values_stand_at_the_edge_and_are_read_by_keyboard(page, base):
    frame = open_tab(page, base, view="curves", run="small/train")
    chart = frame.locator("figure", has_text="SNRE")
    assert "∞" in chart.locator(".note").text_content()
    canvas = chart.get_by_role("application")
    canvas.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert "Epoch 1" in chart.get_by_role("status").text_content()
    assert "∞" in chart.get_by_role("status").text_content()
    # At the first step the readout stands on the right, where the cursor is not.
    page.keyboard.press("Home")
    side = canvas.bounding_box()
    readout = chart.locator(".readout").bounding_box()
    assert readout["x"] > side["x"] + side["width"] / 2


def test_the_chosen_run_comes_first(page, base):
    page.goto(
        tab_address(base, view="stages", run="small/train", compared="net%2Fheads,small%2Ftrain")
    )
    frame = tab_frame(page)
    settle(frame)
    leads = frame.locator("tbody .lead").all_text_contents()
    assert leads[0].startswith(SMALL.name)
    assert len(leads) == 4
    # Each is shown at its own newest step, and stays there when that step is named.
    for step in (None, 10):
        assert frame.locator("output").text_content() == "10 of 10"
        data, name = download(page, frame, "CSV")
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        assert [int(row["step"]) for row in rows] == [2, 10, 10, 10]
        assert name == f"clusters-stages-newest-step{f'-up-to-{step}' if step else ''}-t0.3.csv"
        if step is None:
            frame.get_by_label("Follow new data").uncheck()
            wait_for_address(frame, "step=10")
            settle(frame)
    # One that was deleted meanwhile takes none of the others with it.
    one, every = "**/clusters/stages?run=net*", "**/clusters/stages?*"
    gone = {"status": 404, "json": {"error": "there is no such run"}}
    page.route(one, lambda route: route.fulfill(**gone))
    frame.get_by_label("Threshold as a number").fill("0.4")
    frame.get_by_text("net/heads: there is no such run").wait_for()
    settle(frame)
    assert frame.locator("tbody .lead").all_text_contents() == leads[:1]
    page.route(every, lambda route: route.fulfill(**gone))
    frame.get_by_label("Threshold as a number").fill("0.5")
    frame.get_by_role("alert").get_by_text("there is no such run").wait_for()
    page.unroute(one)
    page.unroute(every)
    page.complaints = [text for text in page.complaints if "status of 404" not in text]
    frame.get_by_role("button", name="Try again").click()
    frame.wait_for_selector("tbody")
    frame.get_by_role("button", name="Show only the chosen run").click()
    frame.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    frame.get_by_role("button", name="Show all listed runs").click()
    frame.wait_for_function("() => document.querySelectorAll('tbody tr').length === 4")


def test_a_half_typed_label_does_not_filter(page, base):
    def with_two_alike(route):
        log = route.fetch().json()
        for run in log["runs"]:
            run["labels"] = ["j" if name == "i" else name for name in run["labels"]]
        route.fulfill(json=log)

    page.route("**/clusters/runs", with_two_alike)
    frame = open_tab(page, base, view="gallery")
    everything = frame.locator(".count").text_content()
    search = frame.get_by_label("Label in a cluster")
    search.press_sequentially("cat", delay=30)
    wait_for_address(frame, "label=0")
    search.press_sequentially("x", delay=30)
    frame.wait_for_selector("text=No such label")
    frame.wait_for_function("() => !parent.location.hash.includes('label=')")
    settle(frame)
    assert frame.locator(".count").text_content() == everything
    assert len(shown_filters(frame)) > 0
    search.blur()
    assert search.input_value() == ""
    # Of two labels of one name the second is found as well.
    names = frame.locator("#label-names option").evaluate_all("all => all.map(e => e.value)")
    assert names[-2:] == ["j (No. 8)", "j (No. 9)"]
    search.fill(names[-1])
    wait_for_address(frame, "label=9")
    search.blur()
    assert search.input_value() == names[-1]
    page.unroute("**/clusters/runs")


def test_odd_names_are_shown_in_one_line_and_exported_as_they_are(page, base):
    frame = open_tab(page, base, view="labels", run="small/train")
    names = frame.locator("td.words").all_text_contents()
    assert names == ["No. 0", "a b", "+1", "＝2", "plain"]
    data, _ = download(page, frame, "CSV")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    # A quote before what a spreadsheet would take for a formula, as the server does.
    assert [row["name"] for row in rows] == ["", "a\nb", "' +1", "'＝2", SMALL_LABELS[-1]]
