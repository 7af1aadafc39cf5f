"""The tab in a real TensorBoard, opened in headless Chromium."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS_TO_START = 60
# What the tab needs of TensorBoard's page: a frame, and an answer to each of its questions. The
# page itself takes three times as long to open as the tab.
STAND_IN = """<!doctype html>
<script>
addEventListener('message', ({ports: [port]}) => {
  port.onmessage = ({data}) => {
    const {type, id, isReply} = JSON.parse(data);
    if (isReply) return;
    port.postMessage(JSON.stringify({type, id, payload: {}, error: null, isReply: true}));
  };
});
</script>
<body style="margin: 0">
<iframe src="data/plugin_entry.html?name=clusters"
  style="border: 0; width: 100vw; height: 100vh; display: block"></iframe>
"""
WITHOUT_TENSORFLOW = str(Path(__file__).parents[1] / "without_tensorflow")


def without_tensorflow() -> dict[str, str]:
    """The environment in which TensorBoard starts without TensorFlow: in a tenth of the time."""
    path = os.pathsep.join([WITHOUT_TENSORFLOW, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


@contextlib.contextmanager
def tensorboard(log_dir: Path, messages: Path) -> Iterator[str]:
    """Run the installed TensorBoard on a log and give its address.

    Args:
        log_dir: the log.
        messages: file for what TensorBoard prints, which tells the port it found free.
    """
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_dir)]
    command += ["--host", "127.0.0.1", "--port", "0", "--reload_interval", "1"]
    with messages.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=without_tensorflow())
        try:
            yield _address(process, messages)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen, messages: Path) -> str:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+/", messages.read_text())
        if found:
            return found.group()
        time.sleep(0.1)
    raise RuntimeError(f"TensorBoard did not start: {messages.read_text()}")


@contextlib.contextmanager
def chromium(playwright: Any) -> Iterator[Any]:
    """A headless browser: the system's Chromium, else the one playwright installed."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
    try:
        yield browser
    finally:
        browser.close()


def stand_in(page: Any) -> None:
    """Have the page show a stand-in for TensorBoard's own page around the tab."""
    page.route(
        re.compile(r"^http://127\.0\.0\.1:\d+/$"),
        lambda route: route.fulfill(body=STAND_IN, content_type="text/html"),
    )


def tab_address(base: str, **state: object) -> str:
    """The address of the tab in a state: `view="gallery"`, `threshold=0.4`."""
    items = [f"p.clusters.{key}={urllib.parse.quote(str(v), safe='')}" for key, v in state.items()]
    return base + "#" + "&".join(["clusters", *items])


def tab_frame(page: Any) -> Any:
    """The frame that TensorBoard made for the tab, once the app stands in it."""
    page.wait_for_selector("iframe[src*='name=clusters']", state="attached")
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        for frame in page.frames:
            if "name=clusters" in frame.url:
                frame.wait_for_selector(".app, .message")
                return frame
        page.wait_for_timeout(20)
    raise RuntimeError("the tab's frame did not open")


def settle(frame: Any) -> None:
    """Wait until the tab has loaded and drawn all it asked for."""
    frame.wait_for_function(
        "() => document.querySelector('.app') && !document.querySelector("
        "'[aria-busy=true], .spinner, canvas.waiting, .thumbnail.stale')"
    )
