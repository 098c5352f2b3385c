"""What sessions look at together is what each would have seen alone."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mta.serve.viewings import Viewings, renewed
from mta.values import FlagTable, ViewChanges, ViewRow

State = dict[int, tuple[int, tuple[str, ...]]]

states = st.dictionaries(
    st.integers(1, 30), st.tuples(st.integers(0, 31), st.sampled_from([(), ("a",), ("a", "b")])), max_size=15
)


def _table(state: State, uidnext: int, modseq: int) -> FlagTable:
    uids = sorted(state)
    return FlagTable(
        array("I", uids),
        bytes(state[uid][0] for uid in uids),
        {uid: state[uid][1] for uid in uids if state[uid][1]},
        modseq,
        uidnext,
    )


@given(states, st.frozensets(st.integers(1, 30)), states, states)
def test_a_table_brought_up_to_date_is_a_new_one(
    before: State, gone: frozenset[int], altered: State, arrived: State
) -> None:
    after = {uid: altered.get(uid, flags) for uid, flags in before.items() if uid not in gone}
    after |= {30 + uid: flags for uid, flags in arrived.items()}
    changes = ViewChanges(
        tuple(ViewRow(uid, 1, *after[uid], 9) for uid in sorted(after) if after[uid] != before.get(uid)),
        tuple(sorted(gone)),
        9,
        61,
    )
    old = _table(before, 31, 5)
    assert renewed(old, changes) == _table(after, 61, 9)
    assert old == _table(before, 31, 5), "somebody may still be reading it"


class _Slow:
    """A bridge whose jobs run when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self.ran = 0

    async def run(self, function: Callable[[], Any]) -> Any:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((function, future))
        return await future

    def begin(self) -> tuple[asyncio.Future[Any], Any]:
        function, future = self.waiting.pop(0)
        self.ran += 1
        return future, function()


def test_a_read_that_has_begun_does_not_answer_who_comes_later() -> None:
    async def story() -> None:
        bridge = _Slow()
        viewings = Viewings(bridge)  # type: ignore[arg-type]
        truth = [1]

        def ask() -> asyncio.Task[Any]:
            return asyncio.create_task(viewings._shared("key", lambda: truth[0]))

        first, second = ask(), ask()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        future, answer = bridge.begin()
        truth[0] = 2
        late, later = ask(), ask()
        await asyncio.sleep(0)
        second.cancel()  # one who leaves takes nothing away from the others
        future.set_result(answer)
        assert await first == 1
        for _turn in range(10):
            await asyncio.sleep(0)
        future, answer = bridge.begin()
        future.set_result(answer)
        assert (await late, await later) == (2, 2)
        assert bridge.ran == 2

    asyncio.run(story())
