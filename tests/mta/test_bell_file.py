"""The doorbell of processes that share a SQLite database: what one rings, the others hear."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from mta.bell_file import SLOTS, BellFile


def test_what_one_rings_the_others_hear_once(tmp_path: Path) -> None:
    one, other = BellFile(tmp_path / "bells"), BellFile(tmp_path / "bells")
    assert other.rung(but_by=2) == frozenset()
    one.ring({7, 9}, by=1)
    one.ring({7}, by=1)
    assert other.rung(but_by=2) == {7, 9}
    assert other.rung(but_by=2) == frozenset()
    assert one.rung(but_by=1) == frozenset(), "its own rings it has heard already"


def test_who_comes_later_hears_nothing_old(tmp_path: Path) -> None:
    BellFile(tmp_path / "bells").ring({7}, by=1)
    assert BellFile(tmp_path / "bells").rung(but_by=2) == frozenset()


def test_who_slept_for_too_long_looks_for_itself(tmp_path: Path) -> None:
    one, other = BellFile(tmp_path / "bells"), BellFile(tmp_path / "bells")
    one.ring(range(1, SLOTS + 10), by=1)
    assert other.rung(but_by=2) is None
    one.ring({3}, by=1)
    assert other.rung(but_by=2) == {3}


def test_processes_that_ring_at_once_lose_no_ring(tmp_path: Path) -> None:
    listening = BellFile(tmp_path / "bells")
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            ringing = BellFile(tmp_path / "bells")
            for step in range(100):
                ringing.ring({1 + 100 * number + step}, by=number)
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert listening.rung(but_by=9) == set(range(1, 401))


def test_a_listener_sleeps_until_it_rings(tmp_path: Path) -> None:
    ringing, listening = BellFile(tmp_path / "bells"), BellFile(tmp_path / "bells", listens=True)
    for _turn in range(2):
        timer = threading.Timer(0.05, ringing.ring, args=({7},), kwargs={"by": 1})
        timer.start()
        until = time.monotonic() + 10
        while not (heard := listening.rung(but_by=2)) and time.monotonic() < until:
            listening.wait(5)
        assert heard == {7}
    started = time.monotonic()
    listening.wait(0.02)
    listening.close()
    assert time.monotonic() - started < 4
