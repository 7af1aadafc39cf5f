import threading
import time

import pytest

from tb_plugin.cache import ByteCache


def test_what_was_used_last_is_kept_within_the_bytes():
    cache = ByteCache(10)
    made = []

    def get(key, size=4):
        return cache.get(key, lambda: made.append(key) or key, lambda _: size)

    for key in "abac":
        assert get(key) == key
    assert cache.num_bytes == 8
    get("a")
    assert made == ["a", "b", "c"]
    get("b")
    assert made == ["a", "b", "c", "b"]


def test_a_thing_larger_than_the_cache_is_handed_out():
    cache = ByteCache(10)
    cache.get("small", lambda: 1, lambda _: 10)
    assert cache.get("large", lambda: 2, lambda _: 11) == 2
    assert cache.num_bytes == 10


def test_what_is_not_to_be_kept_is_not():
    cache = ByteCache(10)
    assert cache.get("a", lambda: 1, lambda _: 1, keep=False) == 1
    assert cache.num_bytes == 0


def test_threads_that_ask_at_once_wait_for_one_computation():
    cache = ByteCache(100)
    calls, asked, results = [], [], []
    start = threading.Barrier(8)

    def compute():
        calls.append(1)
        deadline = time.monotonic() + 20
        while len(asked) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return object()

    def ask():
        start.wait()
        asked.append(1)
        results.append(cache.get("key", compute, lambda _: 1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(set(map(id, results))) == 1


def test_an_error_is_raised_and_not_kept():
    cache = ByteCache(100)

    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            cache.get("key", fail, lambda _: 1)
    assert cache.get("key", lambda: 1, lambda _: 1) == 1


def test_a_look_at_what_is_kept_computes_nothing():
    cache = ByteCache(10)
    assert cache.kept("a") is None
    cache.get("a", lambda: 1, lambda _: 5)
    cache.get("b", lambda: 2, lambda _: 5)
    assert cache.kept("a") == 1
    cache.get("c", lambda: 3, lambda _: 5)
    # To look at a thing is to use it.
    assert (cache.kept("a"), cache.kept("b")) == (1, None)


def test_who_leaves_takes_nobody_along():
    cache = ByteCache(100, of_one=(TimeoutError,))
    begun, results = threading.Event(), []

    def leaves():
        begun.set()
        while not waiting.is_alive():
            time.sleep(0.001)
        time.sleep(0.05)
        raise TimeoutError

    def ask(compute):
        try:
            results.append(cache.get("a", compute, lambda _: 1))
        except TimeoutError as error:
            results.append(error)

    waiting = threading.Thread(target=ask, args=(lambda: 7,))
    first = threading.Thread(target=ask, args=(leaves,))
    first.start()
    begun.wait()
    waiting.start()
    for thread in (first, waiting):
        thread.join()
    assert 7 in results
    assert [type(one) for one in results if one != 7] == [TimeoutError]
