"""What is shown, handed on: a link that shows it again, and an SVG that stands alone."""

import xml.etree.ElementTree as ElementTree
from urllib.parse import urlsplit

from browser_tab import LABELS, LAST, VIEWPORT, download, fields_at, open_tab, wait_until
from real_tab import settle, tab_frame

from sfp_keras.filters import find_clusters
from sfp_keras.reports.style import NOISE

SVG = "{http://www.w3.org/2000/svg}"


def test_a_link_shows_the_same_and_a_wide_table_that_it_goes_on(page, base):
    page.set_viewport_size({"width": 420, "height": 850})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame = open_tab(page, base, run="net/heads", view="stages")
    table = frame.locator(".table-frame")
    frame.wait_for_selector(".table-frame.more-right:not(.more-left)")
    table.locator(".table-box").evaluate("box => (box.scrollLeft = 30)")
    frame.wait_for_selector(".table-frame.more-left.more-right")
    table.locator(".table-box").evaluate("box => (box.scrollLeft = box.scrollWidth)")
    frame.wait_for_selector(".table-frame.more-left:not(.more-right)")
    # What some views chose by themselves.
    for view, more in (
        ("Stages", ["compared=net%252Fheads"]),
        ("Training", ["compared=net%252Fheads"]),
        ("Compare", ["arun=net%2Fheads", f"astage={LAST.name}", "astep=0"]),
        ("Filters", []),
    ):
        frame.get_by_role("tab", name=view, exact=True).click()
        settle(frame)
        page.evaluate("navigator.clipboard.writeText('')")
        frame.get_by_role("button", name="Copy link").focus()
        page.keyboard.press("Enter")
        wait_until(page, lambda: page.evaluate("navigator.clipboard.readText()"))
        link = page.evaluate("navigator.clipboard.readText()")
        items = urlsplit(link).fragment.split("&")
        assert {f"p.clusters.{item}" for item in more} <= {*items}
    frame.wait_for_selector("text=Copied")
    # All that suits the log today is named, so that a log that grows does not change it.
    for item in (
        "run=net%2Fheads",
        f"stage={LAST.name}",
        "step=10",
        "threshold=0.3",
        "view=gallery",
    ):
        assert f"p.clusters.{item}" in items
    page.goto("about:blank")
    page.set_viewport_size(VIEWPORT)
    page.goto(link)
    again = tab_frame(page)
    settle(again)
    assert again.get_by_role("tab", name="Filters").get_attribute("aria-selected") == "true"
    assert again.get_by_role("combobox", name="Stage").input_value() == LAST.name
    assert not again.get_by_label("Follow new data").is_checked()


def test_matrices_and_charts_are_vectors(page, base):
    noise = find_clusters(fields_at(10)).noise
    frame = open_tab(page, base, view="filter", filter=int(noise.argmax()), step=10)
    data, name = download(page, frame, "SVG")
    assert name.endswith("-t0.3.svg")
    drawing = ElementTree.fromstring(data)
    assert not list(drawing.iter(f"{SVG}image"))
    fills = [
        path.get("d", "")
        for path in drawing.iter(f"{SVG}path")
        if path.get("fill") == NOISE.lower()
    ]
    # Its elements, side by side as one, and the square of the key.
    assert len(fills) == 2
    texts = ["".join(text.itertext()) for text in drawing.iter(f"{SVG}text")]
    assert texts.count(LABELS[-1]) == 6
    assert any("threshold 0.3" in text for text in texts)
    assert {"Roboto" in text.get("font-family") for text in drawing.iter(f"{SVG}text")} == {True}
    frame.get_by_role("tab", name="Training", exact=True).click()
    settle(frame)
    drawing = ElementTree.fromstring(download(page, frame, "SVG")[0])
    assert not list(drawing.iter(f"{SVG}image"))
    texts = ["".join(text.itertext()) for text in drawing.iter(f"{SVG}text")]
    assert {"Epoch", "SNR_I", "0", "5", "10", "layer2"} <= set(texts)
    drawn = [path.get("d", "") for path in drawing.iter(f"{SVG}path")]
    # Of each of three stages a line through three steps, in each of six charts.
    assert sum(path.startswith("M") and path.count("L") == 2 for path in drawn) >= 18 - 6
