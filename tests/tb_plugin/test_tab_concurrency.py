"""A few heavy computations at a time, and none for a browser that has left."""

import http.client
import socket
import threading
import time
from urllib.parse import urlencode

import pytest
from tab_server import ROOT
from werkzeug import serving as werkzeug_serving

from sfp_keras.errors import InputError
from tb_plugin import analysis
from tb_plugin.concurrency import ClientLeft, WorkLimit, serving

SECONDS = 20


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
        for t in (0.7171, 0.7172, 0.7173)
    ]
    for ask in asks:
        ask.start()
    wait_until(lambda: len(entered) == analysis.STAGES_AT_ONCE)
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

    at_once, before = analysis.STAGES_AT_ONCE, threading.active_count()
    thresholds = [0.701 + i / 1000 for i in range(at_once + 6)]
    kept = [ask(threshold) for threshold in thresholds[:at_once]]
    wait_until(lambda: len(computed) == at_once)
    given_up = [ask(threshold) for threshold in thresholds[at_once:-1]]
    last = ask(thresholds[-1])
    # A thread answers each.
    wait_until(lambda: threading.active_count() >= before + len(thresholds))
    for connection in given_up:
        connection.close()
    go_on.set()
    for connection in (*kept, last):
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        connection.close()
    assert sorted(computed) == sorted([*thresholds[:at_once], thresholds[-1]])
