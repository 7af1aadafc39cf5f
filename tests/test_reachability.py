import socket
import threading
import time

from sfp_keras.reachability import first_unreachable_host


def _without_proxies(monkeypatch):
    monkeypatch.setattr("urllib.request.getproxies", dict)


def test_a_listening_host_is_reached(monkeypatch):
    _without_proxies(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert first_unreachable_host([f"http://127.0.0.1:{port}/file", "no-address"]) is None
        # A proxy stands for the hosts behind it.
        monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": f"127.0.0.1:{port}"})
        assert first_unreachable_host(["https://nowhere.invalid/file"]) is None


def test_a_look_up_that_hangs_is_given_up(monkeypatch):
    _without_proxies(monkeypatch)
    release = threading.Event()

    def hang(*_, **__):
        release.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    start = time.monotonic()
    urls = [f"https://host{i}.invalid" for i in range(50)]
    assert first_unreachable_host(urls, timeout=0.2) == "host0.invalid"
    assert time.monotonic() - start < 2
    release.set()


def test_a_refused_connection_is_no_network(monkeypatch):
    _without_proxies(monkeypatch)

    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert first_unreachable_host(["ftp://host.invalid"]) == "host.invalid"
