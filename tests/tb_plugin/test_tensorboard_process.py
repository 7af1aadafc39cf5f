"""The real `tensorboard` shows the demo log, with both of its loaders."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib import metadata

import pytest
from real_tab import without_tensorflow

PATHS = (
    *("runs", "stages?run=final", "stages?run=heads&step=7&threshold=0.5"),
    *("curves?run=train&format=csv", "filters?run=heads&stage=layer7"),
    *("filter?run=heads&stage=layer2&filter=5", "thumbnails?run=train&stage=layer13&filters=1,2"),
    *("labels?run=final&stage=layer13", "index.js"),
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read()


def wait_for_runs(process, url, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, "tensorboard ended"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if len(json.loads(fetch(url + "runs"))["runs"]) == 3:
                return
        time.sleep(0.2)
    pytest.fail(f"tensorboard did not serve {url} within {seconds} s")


@pytest.mark.slow
def test_both_loaders_serve_the_same_with_tensorflow_and_without(demo_log):
    names = {entry.name for entry in metadata.entry_points(group="tensorboard_plugins")}
    if "clusters" not in names:
        pytest.skip("the tab is not registered: install the package with pip install -e .")
    started = []
    try:
        for load_fast, environment in (("true", without_tensorflow()), ("false", None)):
            port = free_port()
            command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(demo_log)]
            command += ["--port", str(port), "--load_fast", load_fast, "--reload_interval", "1"]
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            started.append((process, f"http://localhost:{port}/data/plugin/clusters/"))
        for process, url in started:
            wait_for_runs(process, url, 60)
        for path in PATHS:
            fast, slow = (fetch(url + path) for _, url in started)
            assert fast == slow, path
            assert fast
        (_, url), _ = started
        listing = json.loads(fetch(url.replace("plugin/clusters/", "plugins_listing")))
        assert listing["clusters"]["enabled"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(url + "stages?run=none")
    finally:
        for process, _ in started:
            process.terminate()
        for process, _ in started:
            process.wait(timeout=20)
