"""A few heavy computations at a time, and none for a browser that has left."""

import contextlib
import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pytest
from tab_server import ROOT
from werkzeug import serving as werkzeug_serving

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterClusters
from tb_plugin import analysis
from tb_plugin.cache import ByteCache
from tb_plugin.concurrency import ClientLeft, WorkLimit, serving

SECONDS = 20
# The demo's stages are small.
SMALL_AT_ONCE = analysis.STAGES_AT_ONCE + 1


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_as_many_threads_as_said_work_at_a_time():
    limit, lock, two = WorkLimit(2), threading.Lock(), threading.Barrier(2)
    now, most = [0], [0]

    def work():
        with limit.slot():
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            two.wait(SECONDS)
            with lock:
                now[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (now, most) == ([0], [2])


def test_an_error_ends_a_turn():
    limit = WorkLimit(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), limit.slot():
            raise ValueError("no")


def test_a_browser_that_has_left_gets_no_turn():
    limit = WorkLimit(1)
    server, browser = socket.socketpair()
    with serving({"werkzeug.socket": server}):
        with limit.slot():
            pass
        browser.send(b"GET /next")  # Sent ahead, but still there.
        with limit.slot():
            pass
        server.recv(9)
        browser.close()
        with pytest.raises(ClientLeft), limit.slot():
            pass
    server.close()
    with limit.slot():
        pass
    with serving({}), limit.slot():
        pass


def test_a_thread_that_holds_a_turn_goes_on():
    limit = WorkLimit(1)
    with limit.slot(), limit.slot():
        pass
    with limit.slot():
        pass


class Line:
    """Threads that wait for a turn, in the order in which they came, and how they got it."""

    def __init__(self, limit):
        self.limit, self.turns, self.threads = limit, [], []

    def add(self, owner, cost):
        def work():
            with self.limit.slot(owner, cost):
                self.turns.append(owner)

        waiting = self.limit.waiting
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()
        wait_until(lambda: self.limit.waiting == waiting + 1)

    def end(self):
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("before", [1, 32])
def test_large_work_of_one_owner_does_not_keep_back_that_of_others(before):
    limit = WorkLimit(1)
    line = Line(limit)
    with limit.slot("large", 100):
        for _ in range(before):
            line.add("large", 100)
        for owner in ("small", "medium", "small"):
            line.add(owner, {"small": 1, "medium": 99}[owner])
    line.end()
    assert line.turns == ["small", "small", "medium", *["large"] * before]


def test_owners_share_work_by_its_cost_and_none_waits_for_ever():
    limit = WorkLimit(1)
    line = Line(limit)
    with limit.slot("other", 1):
        for _ in range(2):
            line.add("large", 10)
        for _ in range(30):
            line.add("small", 1)
    line.end()
    # Ten small ones cost as much as a large one.
    places = [i for i, owner in enumerate(line.turns) if owner == "large"]
    assert places[0] in (9, 10)
    assert places[1] - places[0] in (10, 11)


def test_small_work_does_not_wait_for_the_end_of_large_work():
    limit = WorkLimit(2, small=5)
    with contextlib.ExitStack() as held:
        for i in range(2):
            thread = Holder(limit, i, 6)
            held.callback(thread.end)
        with limit.slot("small", 5):
            line = Line(limit)
            line.add("small", 5)
            line.add("large", 6)
        wait_until(lambda: line.turns == ["small"])
        assert limit.waiting == 1
    line.end()
    assert line.turns == ["small", "large"]


class Holder:
    """A thread that holds a slot until it is ended."""

    def __init__(self, limit, owner, cost):
        self._entered, self._go_on = threading.Event(), threading.Event()

        def hold():
            with limit.slot(owner, cost):
                self._entered.set()
                self._go_on.wait(SECONDS)

        self._thread = threading.Thread(target=hold)
        self._thread.start()
        assert self._entered.wait(SECONDS)

    def end(self):
        self._go_on.set()
        self._thread.join()


def test_work_that_a_browser_has_given_up_counts_as_not_done():
    limit = WorkLimit(1)
    line = Line(limit)
    server, browser = socket.socketpair()
    browser.close()

    def given_up():
        asked = serving({"werkzeug.socket": server})
        with asked, pytest.raises(ClientLeft), limit.slot("slider", 50):
            pass

    with limit.slot("slider", 1):
        left = threading.Thread(target=given_up)
        left.start()
        wait_until(lambda: limit.waiting == 1)
        line.add("slider", 50)
        line.add("other", 60)
    left.join()
    line.end()
    server.close()
    assert line.turns == ["slider", "other"]


def test_a_small_run_comes_before_a_queue_for_a_large_stage(tab, monkeypatch):
    """Requests for a large stage wait; one for another run is answered meanwhile."""
    go_on, turns = threading.Event(), []
    find_clusters = analysis.find_clusters

    def slow(fields, threshold):
        turns.append(fields.num_filters)
        if fields.num_filters == 64:
            go_on.wait(SECONDS)
        return find_clusters(fields, threshold)

    monkeypatch.setattr(analysis, "find_clusters", slow)
    # All but the large stage is small.
    monkeypatch.setattr(tab.plugin._routes._analysis._stages, "_small", 0.5)
    monkeypatch.setattr(
        analysis, "_cost", lambda header, filters: 1.0 if header.filters == 64 else 0.5
    )
    query = {"run": "final", "stage": "layer2"}
    asks = [
        threading.Thread(target=tab.get, args=("filters",), kwargs={**query, "threshold": t})
        for t in (0.6001 + i / 1000 for i in range(8))
    ]
    for ask in asks:
        ask.start()
    wait_until(lambda: len(turns) == analysis.STAGES_AT_ONCE)
    assert tab.json("filters", run="train", stage="layer13", threshold=0.6)["filters"]
    assert turns[2:] == [256]
    go_on.set()
    for ask in asks:
        ask.join()


def test_stages_without_matrices_are_computed_one_after_the_other(monkeypatch):
    """Two of their computations at once would take longer than one after the other."""
    lock = threading.Lock()

    def alone(fields, threshold):
        assert lock.acquire(blocking=False)
        time.sleep(0.01)
        lock.release()
        return FilterClusters(np.zeros((2, 200), int), np.ones((2, 200), int), threshold)

    monkeypatch.setattr(analysis, "find_clusters", alone)
    monkeypatch.setattr(analysis, "_cost", lambda header, filters: 2 * analysis.SMALL_COST)
    header = SimpleNamespace(filters=2, positions=1, label_counts=[1] * 200)
    measurement = SimpleNamespace(identity=("", "run"), stage="last", header=header)
    reader = SimpleNamespace(fields=lambda ctx, measurement: None)
    asked = analysis.Analysis(reader, ByteCache(2**20))
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda i: asked.clusters(None, measurement, i / 10), range(8))
        assert [one.threshold for one in found] == [i / 10 for i in range(8)]


def test_what_is_kept_does_not_wait_for_a_turn(tab, monkeypatch):
    query = {"run": "final", "stage": "layer7", "threshold": 0.717}
    kept = [tab.json(route, **query) for route in ("filters", "labels", "stages")]
    entered, go_on = [], threading.Event()

    def slow(fields, threshold):
        entered.append(threshold)
        go_on.wait(SECONDS)
        raise InputError("too late")

    monkeypatch.setattr(analysis, "find_clusters", slow)
    asks = [
        threading.Thread(target=tab.error, args=("filters",), kwargs={**query, "threshold": t})
        for t in (0.7171, 0.7172, 0.7173, 0.7174)
    ]
    for ask in asks:
        ask.start()
    wait_until(lambda: len(entered) == SMALL_AT_ONCE)
    assert [tab.json(route, **query) for route in ("filters", "labels", "stages")] == kept
    assert tab.binary("thumbnails", **query, filters="0,1")
    go_on.set()
    for ask in asks:
        ask.join()


@pytest.fixture
def address(tab):
    server = werkzeug_serving.make_server("127.0.0.1", 0, tab.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_given_up_are_not_computed(address, monkeypatch):
    computed, go_on = [], threading.Event()
    find_clusters = analysis.find_clusters

    def slow(fields, threshold):
        computed.append(threshold)
        go_on.wait(SECONDS)
        return find_clusters(fields, threshold)

    monkeypatch.setattr(analysis, "find_clusters", slow)

    def ask(threshold):
        query = urlencode({"run": "final", "stage": "layer2", "threshold": threshold})
        connection = http.client.HTTPConnection(*address, timeout=SECONDS)
        connection.request("GET", f"{ROOT}filters?{query}")
        return connection

    at_once, before = SMALL_AT_ONCE, set(threading.enumerate())
    thresholds = [0.701 + i / 1000 for i in range(at_once + 6)]
    kept = [ask(threshold) for threshold in thresholds[:at_once]]
    wait_until(lambda: len(computed) == at_once)
    given_up = [ask(threshold) for threshold in thresholds[at_once:-1]]
    last = ask(thresholds[-1])
    # A thread answers each; threads of earlier tests may end meanwhile.
    wait_until(lambda: len(set(threading.enumerate()) - before) >= len(thresholds))
    for connection in given_up:
        connection.close()
    go_on.set()
    for connection in (*kept, last):
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        connection.close()
    assert sorted(computed) == sorted([*thresholds[:at_once], thresholds[-1]])
