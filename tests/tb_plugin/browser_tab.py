"""The tab in a browser for the tests: one log, one TensorBoard, one Chromium for all of them."""

import contextlib
import dataclasses
import importlib
import time

import numpy as np
import pytest
from real_tab import (
    SECONDS_TO_START,
    chromium,
    settle,
    stand_in,
    tab_address,
    tab_frame,
    tensorboard,
)

from sfp_keras.monitoring.schema import About, header_of
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, DemoStage, make_fields

VIEWPORT = {"width": 1280, "height": 800}
HOSTILE = "<img src=x onerror=alert(1)>"
LABELS = ("cat", HOSTILE, "a very long name: n02110185 Siberian husky, sled dog", *"defghij")
LAST = STAGES[-1]
SMALL_LABELS = ("", "a\nb", " +1", "＝2", "plain")
SMALL_HEADS = 2
SMALL = DemoStage("tiny", 0, 8, 1, 0.3, 0.9)


def fields_at(step):
    return make_fields(LAST, len(LABELS), progress=(step + 1) / 20, seed=3)


def write_step(writer, step):
    for stage in STAGES:
        fields = make_fields(stage, len(LABELS), progress=(step + 1) / 20, seed=3)
        header = header_of(stage.name, stage.depth, step, fields, correct=[50] * len(LABELS))
        writer.measurement(header, fields)


def write_small(folder):
    """A run of other labels and fewer filters, of heads; at its middle step nothing is noise."""
    labels = len(SMALL_LABELS)
    with MonitorWriter(folder) as writer:
        writer.about(About("train", SMALL_LABELS, 0.3, biases_left_out=False, title="small"))
        for step in range(3):
            fields = make_fields(SMALL, labels, progress=0.5, seed=step)
            if step == 1:
                clean = np.zeros_like(fields.kernel)
                clean[:, np.arange(SMALL.filters), np.arange(SMALL.filters) % labels] = 1
                own = clean.transpose(2, 0, 1).copy()
                fields = dataclasses.replace(fields, features=own, kernel=clean)
            header = header_of(
                SMALL.name,
                SMALL.depth,
                step,
                fields,
                correct=[50] * labels,
                heads=SMALL_HEADS,
                kind="node",
            )
            writer.measurement(header, fields)


@pytest.fixture(scope="session")
def log_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="session")
def writer(log_folder):
    write_small(log_folder / "small" / "train")
    with MonitorWriter(log_folder / "net" / "heads") as writer:
        writer.about(About("heads", LABELS, 0.3, biases_left_out=True, title="a net"))
        for step in (0, 5, 10):
            write_step(writer, step)
        yield writer


@pytest.fixture(scope="session")
def base(browser, writer, log_folder, tmp_path_factory):
    messages = tmp_path_factory.mktemp("messages") / "tensorboard"
    with tensorboard(log_folder, messages) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    try:
        sync_api = importlib.import_module("playwright.sync_api")
    except ImportError:
        pytest.skip("playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        try:
            opened = chromium(playwright)
            browser = opened.__enter__()
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: install it, or run `playwright install chromium` ({error})")
        yield browser
        opened.__exit__(None, None, None)


@pytest.fixture(scope="session")
def warm_page(browser):
    """A page for the tab in a stand-in for TensorBoard, which opens in a third of the time."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def page(warm_page):
    """A page in which the tab was opened before: it opens in half the time of a new one."""
    with left_as_it_was(warm_page) as page:
        stand_in(page)
        yield page


@pytest.fixture
def page_alone(browser):
    """A page for a test that changes it for good."""
    with new_page(browser) as page, left_as_it_was(page):
        stand_in(page)
        yield page


@contextlib.contextmanager
def new_page(browser):
    page = browser.new_page(viewport=VIEWPORT, accept_downloads=True, reduced_motion="reduce")
    # On a machine that does much else a page takes longer than the usual half minute.
    page.set_default_timeout(2000 * SECONDS_TO_START)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: message.type == "error" and page.complaints.append(message.text),
    )
    page.on("dialog", lambda dialog: page.complaints.append("a label's markup ran"))
    yield page
    page.close()


@contextlib.contextmanager
def left_as_it_was(page):
    """The page for one test, without complaints; the next one loads the tab from the start."""
    page.complaints = []
    try:
        yield page
        assert page.complaints == []
    finally:
        page.unroute_all()
        page.goto("about:blank")
        page.set_viewport_size(VIEWPORT)


def open_tab(page, base, *, wait=True, **state):
    page.goto(tab_address(base, **state))
    frame = tab_frame(page)
    if wait:
        settle(frame)
    return frame


def shown_filters(frame):
    return [
        int(n)
        for n in frame.eval_on_selector_all(".caption b", "all => all.map(e => e.textContent)")
    ]


def wait_until(page, condition, every=20):
    """Let the page go on until this is true."""
    end = time.monotonic() + SECONDS_TO_START
    while not condition():
        assert time.monotonic() < end
        page.wait_for_timeout(every)


@contextlib.contextmanager
def held_requests(page, route):
    """Keeps the answers of a route back, those asked for from now on, until the end."""
    held = []
    address = f"**/clusters/{route}?*"
    page.route(address, lambda request: held.append(request))
    try:
        yield held
    finally:
        for request in held:
            request.continue_()
        page.unroute(address)


def export_button(frame, kind):
    return frame.get_by_role("button", name=f"as {kind}")


def waits_for_the_answer(frame, kind):
    button = export_button(frame, kind)
    title = button.get_attribute("title") or ""
    return button.get_attribute("aria-disabled") == "true" and "computing" in title


def download(page, frame, kind):
    with page.expect_download() as saved:
        export_button(frame, kind).click()
    return saved.value.path().read_bytes(), saved.value.suggested_filename


def written_on_pictures(page, frame):
    """Exports a picture; all texts that were written meanwhile on canvases."""
    frame.evaluate("""() => {
        const pen = CanvasRenderingContext2D.prototype;
        const write = pen.fillText;
        window.written = [];
        pen.fillText = function (text, ...place) {
            window.written.push(text);
            return write.call(this, text, ...place);
        };
    }""")
    data, _ = download(page, frame, "PNG")
    assert data.startswith(b"\x89PNG")
    return frame.evaluate("window.written")
