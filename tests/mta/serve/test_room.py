"""What is worked on at once is bounded, in the order in which it came; what waits lies on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mta.serve import spool as spools
from mta.serve.room import SMALL, Room, Rooms
from mta.serve.spool import Spool


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 80), st.booleans()), max_size=30))
@hypothesis_settings(deadline=None)
def test_never_more_than_there_is_room_for_and_first_come_first_served(
    limit: int, visitors: list[tuple[int, bool]]
) -> None:
    """Some of them go away while they wait."""
    room = Room(limit)
    began: list[int] = []

    async def visit(number: int, size: int) -> None:
        async with room.taking(size):
            began.append(number)
            assert room.taken <= limit
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(visit(number, size)) for number, (size, _) in enumerate(visitors)]
        await asyncio.sleep(0)
        for task, (_, leaves) in zip(tasks, visitors, strict=True):
            if leaves:
                task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)

    asyncio.run(all_of_them())
    assert room.taken == 0
    assert began == sorted(began)
    assert set(began) >= {number for number, (_, leaves) in enumerate(visitors) if not leaves}


def test_a_small_message_does_not_stand_behind_large_ones() -> None:
    async def visit() -> None:
        rooms = Rooms()
        large = rooms.for_message(25_000_000)
        async with large.taking(large.limit), asyncio.timeout(1), rooms.for_message(SMALL).taking(SMALL):
            assert large.taken == large.limit

    asyncio.run(visit())


def test_a_message_lies_in_memory_while_it_is_small(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    with Spool() as spool:
        spool.write(b"a" * spools.IN_MEMORY)
        assert not spool.on_disk
        spool.write(b"b")
        assert spool.on_disk
        assert spool.contents() == b"a" * spools.IN_MEMORY + b"b"
        assert spool.size == spools.IN_MEMORY + 1
    assert list((tmp_path / "spool").iterdir()) == []


def test_many_small_ones_together_do_not(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(spools, "ALL_IN_MEMORY", 1000)
    monkeypatch.setattr(Spool, "in_memory", 0)
    with Spool() as one, Spool() as two, Spool() as three:
        one.write(b"a" * 600)
        two.write(b"b" * 600)
        assert (one.on_disk, two.on_disk) == (False, True)
        one.close()
        three.write(b"c" * 600)
        assert not three.on_disk
        assert two.contents() == b"b" * 600
    assert Spool.in_memory == 0
