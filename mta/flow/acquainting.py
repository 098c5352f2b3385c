"""Getting to know a mailspace's correspondents from its mail, after it was stored: nothing waits for it.

Deliveries do not tell; whoever asks reads the few messages that came since (as a search reads what is not indexed
yet), and a sweep keeps these few. Old mail is learnt newest first, a chunk at a time. Each step reads messages and
the mailspace's clock in one statement, then what the journal says up to that clock: so a message that is put into Spam
between two steps is neither missed nor taken back twice. Called by the web client and by `mta.flow.tasks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mta.correspondents import service as correspondents
from mta.correspondents.service import Letter, Mark
from mta.mailstore import service as mailstore
from mta.mailstore.service import Named
from mta.values import now_us

WHILE_ASKED = 200  # messages that somebody who types waits for
CHUNK = 1_000
LAST = 2**63 - 1


def catch_up(mailspace: int, *, limit: int = WHILE_ASKED) -> None:
    """Learn what came since, if it is little: the rest, and old mail, is for the sweep. Somebody waits for this, so
    nothing is written if nobody new was named: two small queries when nothing happened, six when something did."""
    clock = mailstore.clocks([mailspace]).get(mailspace, 0)
    before = correspondents.mark(mailspace)
    if clock != before.clock:
        _step(mailspace, before, limit=limit, thorough=False)


def step(mailspace: int, *, limit: int = CHUNK) -> bool:
    """Learn up to `limit` messages, new ones first; whether there is more to do."""
    return _step(mailspace, correspondents.mark(mailspace), limit=limit, thorough=True)


def _step(mailspace: int, before: Mark, *, limit: int, thorough: bool) -> bool:
    begun = now_us()
    if before.newest == 0:
        clock, found = mailstore.named_before(mailspace, LAST, limit=limit)
        after = Mark(_highest(found, 0), _lowest(found, 0), len(found) < limit, clock, begun)
        if found or thorough:
            correspondents.learn(mailspace, _letters(found), before=before, after=after)
        return not after.whole
    clock, found = mailstore.named_after(mailspace, before.newest, limit=limit)
    after = replace(before, newest=_highest(found, before.newest), at=begun)
    more = len(found) == limit or not before.whole
    if thorough and not found and not before.whole:
        clock, found = mailstore.named_before(mailspace, before.oldest, limit=limit)
        after = replace(after, oldest=_lowest(found, before.oldest), whole=len(found) < limit)
        more = not after.whole
    shifts = mailstore.shifts(mailspace, after=before.clock, upto=clock, since=before.at)
    if shifts.clock < clock:  # much was moved: that first, the messages of this step another time
        after, found, more = replace(before, clock=shifts.clock), (), True
    else:
        after = replace(after, clock=clock)
    moved = [each for each in (*shifts.shelved, *shifts.fetched) if before.oldest <= each <= before.newest]
    letters = [*_letters(found), *_moved(mailspace, moved, shifts.shelved)]
    if not (letters or found or thorough):
        return more
    return correspondents.learn(mailspace, letters, before=before, after=after) and more


def sweep(*, rounds: int) -> int:
    """Take steps where mail came or old mail is left, at most `rounds`; how many were taken."""
    marks = correspondents.marks()
    taken = 0
    for mailspace, clock in mailstore.every_clock().items():
        known = marks.get(mailspace, Mark())
        if known.clock == clock and (known.whole or not known.newest):
            continue
        while taken < rounds:
            taken += 1
            if not step(mailspace):
                break
        if taken >= rounds:
            break
    return taken


def _highest(found: Iterable[Named], otherwise: int) -> int:
    return max((each.message for each in found), default=otherwise)


def _lowest(found: Iterable[Named], otherwise: int) -> int:
    return min((each.message for each in found), default=otherwise)


def _letters(found: Iterable[Named], *, sign: int = 1) -> list[Letter]:
    return [
        Letter(each.people, each.own, each.at, automatic=each.automatic, sign=sign)
        for each in found
        if each.people
    ]


def _moved(mailspace: int, messages: list[int], shelved: frozenset[int]) -> list[Letter]:
    found = mailstore.named(mailspace, messages) if messages else ()
    gone = [each for each in found if each.message in shelved]
    back = [each for each in found if each.message not in shelved]
    return [*_letters(gone, sign=-1), *_letters(back)]
