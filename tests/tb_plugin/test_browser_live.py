"""The tab beside a training that goes on: it follows by itself, and asks only while it is seen."""

from browser_tab import LABELS, LAST, fields_at, wait_until, write_step
from real_tab import settle, tab_address, tab_frame, tensorboard

from sfp_keras.filters import find_clusters
from sfp_keras.monitoring.schema import About
from sfp_keras.monitoring.writer import MonitorWriter

# As TensorBoard hides the frame of a tab when another is chosen.
HIDE = """(hidden) => Object.assign(document.querySelector('iframe').style,
    hidden ? {maxHeight: 0, overflow: 'hidden', visibility: 'hidden', position: 'absolute'}
           : {maxHeight: null, overflow: null, visibility: null, position: null})"""

NOTE_RESIZE = "() => addEventListener('resize', () => (window.resized = true), {once: true})"


def wait_with_haste(page, condition):
    """Wait for what the tab notices in some seconds, with the page's clock running faster."""

    def holds():
        page.clock.fast_forward(1_000)
        return condition()

    wait_until(page, holds, every=100)


def test_the_tab_follows_a_training_from_before_its_first_measurement(page_alone, tmp_path):
    page = page_alone
    folder = tmp_path / "log"
    folder.mkdir()
    page.clock.install()
    with (
        tensorboard(folder, tmp_path / "messages") as base,
        MonitorWriter(folder / "train") as writer,
    ):
        held = []
        page.route("**/clusters/columns", lambda request: held.append(request))
        page.goto(tab_address(base, view="gallery", sort="number", stage=LAST.name))
        page.wait_for_selector("iframe")
        (frame,) = page.frames[1:]
        frame.wait_for_selector("text=Reading the log")
        wait_until(page, lambda: held)
        for request in held:
            request.continue_()
        page.unroute("**/clusters/columns")
        frame.wait_for_selector("text=No clusters logged yet")
        assert frame.locator("text=--mode=probe").count() == 1
        assert frame.locator("text=Reading the log").count() == 0

        writer.about(About("train", LABELS, 0.3))
        write_step(writer, 0)
        frame = tab_frame(page)
        wait_with_haste(page, lambda: frame.locator(".cell").count())
        write_step(writer, 1)
        wait_with_haste(page, lambda: frame.locator("output").text_content() == "1 of 1")
        settle(frame)
        words = frame.locator(".cell").first.get_attribute("aria-label")
        assert f"noise {find_clusters(fields_at(1)).noise[0]}," in words

        # While another tab is chosen, or the browser's page is hidden, nothing is asked.
        frame.evaluate(NOTE_RESIZE)
        page.evaluate(HIDE, True)
        # The tab hears of it first, and its clock must not be ahead of that.
        frame.wait_for_function("() => innerHeight === 0 && window.resized")
        write_step(writer, 2)
        asked = []
        page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        page.clock.fast_forward(60_000)
        frame.evaluate("fetch('columns?last')")
        wait_until(page, lambda: asked)
        assert asked == ["columns?last"]
        page.evaluate(HIDE, False)
        wait_with_haste(page, lambda: frame.locator("output").text_content() == "2 of 2")

        # A step chosen by hand stays, and newer ones can be chosen.
        frame.get_by_label("Follow new data").uncheck()
        write_step(writer, 3)
        wait_with_haste(page, lambda: frame.locator("output").text_content() == "2 of 3")
        # Requests of the view that TensorBoard's end would cut off are complaints of the browser.
        settle(frame)
        page.goto("about:blank")
