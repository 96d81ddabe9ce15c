"""Identifiers are in order of time, those of one process also within a millisecond, and never twice the same."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

from workflowkit.base.ids import ID_LENGTH, first_id, new_id, time_of

NOW_MS = 1_700_000_000_000


def test_ids_are_in_the_order_in_which_they_were_made() -> None:
    made = [new_id(NOW_MS) for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {len(each) for each in made} == {ID_LENGTH}
    assert first_id(NOW_MS) <= made[0]
    assert made[-1] < first_id(NOW_MS + 1)
    assert new_id(NOW_MS - 1) < made[0] < made[-1] < new_id(NOW_MS + 1)
    assert time_of(made[0]) == NOW_MS


def test_threads_make_their_own_in_order() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [new_id(NOW_MS) for _ in range(2_000)], range(8)))
    assert all(each == sorted(each) for each in made)
    assert len(set(itertools.chain(*made))) == 16_000


def test_a_forked_process_makes_others() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id(NOW_MS).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    assert len(theirs) == ID_LENGTH
    assert theirs != new_id(NOW_MS)
