import threading
import time

import pytest

from segue.infer.ahead import ahead


def test_results_come_in_the_order_of_the_items():
    def slow_first(n):
        time.sleep(0.02 if n == 0 else 0)
        return n * n

    assert [(n, future.result()) for n, future in ahead(slow_first, range(6))] == [(n, n * n) for n in range(6)]


def test_no_more_than_a_few_wait():
    started = []
    for n, future in ahead(started.append, range(50), threads=2):
        future.result()
        assert len(started) <= n + 3


def test_work_happens_in_other_threads_and_items_are_drawn_in_this_one():
    drawn = []

    def items():
        for n in range(3):
            drawn.append(threading.get_ident())
            yield n

    workers = [future.result() for _, future in ahead(lambda _: threading.get_ident(), items())]
    assert set(drawn) == {threading.get_ident()}
    assert threading.get_ident() not in workers


def test_an_error_reaches_the_consumer_of_that_item_alone():
    futures = [future for _, future in ahead(lambda n: 1 / n, [1, 0, 2])]
    assert futures[0].result() == 1
    with pytest.raises(ZeroDivisionError):
        futures[1].result()
    assert futures[2].result() == 0.5


def test_leaving_early_leaves_no_thread_behind():
    before = threading.active_count()
    for _, future in ahead(lambda n: n, range(100)):
        future.result()
        break
    for _ in range(100):
        if threading.active_count() <= before:
            return
        time.sleep(0.01)
    pytest.fail("a worker thread is still alive")
