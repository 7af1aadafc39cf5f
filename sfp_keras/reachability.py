"""Whether hosts can be reached, answered within seconds."""

import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable

_PORTS = {"http": 80, "https": 443, "ftp": 21}


def first_unreachable_host(urls: Iterable[str], timeout: float = 5.0, most: int = 3) -> str | None:
    """Try to connect to the hosts of some addresses, all at once.

    Where a proxy is set for an address, the proxy is tried instead.

    Args:
        urls: the addresses; those without a host are passed over.
        timeout: `float`, seconds for all hosts together. Default 5.
        most: `int`. Only so many different hosts are tried. Default 3.

    Returns:
        A host that did not answer in time, or None.
    """
    hosts = list(dict.fromkeys(_host(url) for url in urls))
    deadline = time.monotonic() + timeout
    tries = [(host, *_connect(host, port, timeout)) for host, port in hosts[:most] if host]
    for host, reached, thread in tries:
        thread.join(max(0.0, deadline - time.monotonic()))
        if not reached.is_set():
            return host
    return None


def _host(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy:
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


def _connect(host: str, port: int, timeout: float) -> tuple[threading.Event, threading.Thread]:
    reached = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((host, port), timeout=timeout):
                reached.set()
        except OSError:
            pass

    # A thread, because looking up a name has no time limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    return reached, thread
