"""Whether hosts can be reached, answered within seconds."""

import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterable

_PORTS = {"http": 80, "https": 443, "ftp": 21}


def first_unreachable_host(urls: Iterable[str], timeout: float = 5.0) -> str | None:
    """Try to connect to the hosts of some addresses.

    Where a proxy is set for a scheme, the proxy is tried instead.

    Args:
        urls: the addresses; those without a host are passed over.
        timeout: `float`, seconds for all hosts together. Default 5.

    Returns:
        The first host that did not answer in time, or None.
    """
    hosts = {}
    for url in urls:
        scheme = urllib.parse.urlsplit(url).scheme
        proxy = urllib.request.getproxies().get(scheme)
        parts = urllib.parse.urlsplit(proxy if proxy and "//" in proxy else url)
        if parts.hostname:
            port = parts.port or _PORTS.get(parts.scheme, 443)
            hosts[parts.hostname, port] = threading.Event()
    reached = [
        (host, event, _try(host, port, event, timeout)) for (host, port), event in hosts.items()
    ]
    for host, event, thread in reached:
        thread.join(timeout)
        if not event.is_set():
            return host
    return None


def _try(host: str, port: int, reached: threading.Event, timeout: float) -> threading.Thread:
    def connect() -> None:
        try:
            with socket.create_connection((host, port), timeout=timeout):
                reached.set()
        except OSError:
            pass

    # A thread, because looking up a name has no time limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    return thread
