import threading

import numpy as np
import pytest
import threadpoolctl

from sfp_keras.filters import FilterFields, blas_threads
from sfp_keras.filters.blas_threads import one_blas_thread


def _threads():
    return {
        pool["num_threads"]
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }


@pytest.fixture
def three_threads():
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        yield


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(
    ("product", "expected"),
    [((100, 4, 100), {1}), ((1000, 4, 1000), {1}), ((100, 256, 100), {1}), ((1000, 64, 1000), {3})],
)
def test_small_products_alone_have_one_thread(product, expected):
    with one_blas_thread(*product):
        assert _threads() == expected
    assert _threads() == {3}


@pytest.mark.usefixtures("three_threads")
def test_an_error_inside_leaves_the_number_as_it_was():
    with pytest.raises(ZeroDivisionError), one_blas_thread(1, 1, 1):
        _ = 1 / 0
    assert _threads() == {3}


def test_threads_that_enter_and_leave_in_turns_leave_the_number_as_it_was():
    # No limit of this thread's: it would be the only one that may change the number.
    before, found = _threads(), []
    inside, begun, entered, left = (threading.Event() for _ in range(4))

    def first():
        with one_blas_thread(1, 1, 1):
            inside.set()
            begun.wait(60)
            entered.wait(0.2)  # Unless the second waits until this one has left.
        left.set()

    def second():
        inside.wait(60)
        begun.set()
        with one_blas_thread(1, 1, 1):
            entered.set()
            left.wait(60)
            found.append(_threads())

    threads = [threading.Thread(target=of) for of in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{1}]
    assert _threads() == before


def test_numpy_alone_gives_the_same_fields(monkeypatch):
    rng = np.random.default_rng(0)
    fields = FilterFields(
        rng.random((6, 4, 5)), rng.normal(size=(4, 5, 6)), np.ones(6, int), (2, 2)
    )
    limited = fields.matrices(slice(None))
    monkeypatch.setattr(blas_threads, "threadpoolctl", None)
    np.testing.assert_array_equal(fields.matrices(slice(None)), limited)
