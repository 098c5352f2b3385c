"""Learning what is spam from what people do: a message moved into Junk, or out of it, from anywhere.

Nothing waits for it: a sweep reads what the journal says since its mark, as `acquainting` does. A message counts once;
moved back, it is unlearned. Whoever reports spam and nothing else would soon teach that every word is spam: so mail
that was read and kept is learned beside it, as much as there is spam. Called by `mta.flow.tasks` and the web client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator

from django.conf import settings

from mta.mailstore import service as mailstore
from mta.mailstore.service import Reports
from mta.trust import scanners
from mta.trust.spam import features, statistics
from mta.trust.spam.statistics import Lesson
from mta.values import now_us

log = logging.getLogger(__name__)

AT_ONCE = 300  # messages of one step: of a thousand that are moved at once, the newest of them teach enough
TOLD_AT_ONCE = 50  # of these, that Rspamd is told of
LOOKED_AT = 500  # newest messages among which kept ones are looked for
LARGEST = 2 << 20  # bytes; what is larger is not learned


def step(mailspace: int) -> bool:
    """Learn what was moved since the last time; whether there is more to do."""
    begun = now_us()
    clock = mailstore.clocks([mailspace]).get(mailspace)
    if clock is None:
        return False
    after, since = statistics.progress(mailspace) or (0, 0)
    if after == clock:
        return False
    found = mailstore.reports(mailspace, after=after, upto=clock, since=since)
    new, unlearn = _lessons(mailspace, found)
    if any(each.spam for each in new):
        new += _kept(mailspace, more=sum(each.spam for each in new), without={each.message for each in new})
    statistics.learn(mailspace, new, unlearn=unlearn, clock=found.clock, at=begun)
    if settings.RSPAMD_URL:
        _teach_rspamd(
            mailspace, {each.message: each.spam for each in new if each.told} | dict.fromkeys(unlearn, False)
        )
    return found.clock < clock


def _teach_rspamd(mailspace: int, said: dict[int, bool]) -> None:
    """The same lessons for Rspamd, as far as it answers; what went back is wanted."""
    newest = sorted(said)[-TOLD_AT_ONCE:]
    for message, raw in mailstore.raws(mailspace, newest):
        if not asyncio.run(scanners.teach(raw, settings.RSPAMD_URL, spam=said[message])):
            break


def sweep(*, rounds: int) -> int:
    """Take steps where something happened, at most `rounds`, first where the last one is longest ago; forget
    mailspaces that are no more."""
    known = statistics.every_progress()
    clocks = mailstore.every_clock()
    for gone in known.keys() - clocks.keys() - mailstore.clocks(list(known)).keys():
        statistics.drop(gone)
    never = (-1, -1)
    waiting = [each for each, clock in clocks.items() if known.get(each, never)[0] != clock]
    taken = 0
    for mailspace in sorted(waiting, key=lambda each: known.get(each, never)[1])[:rounds]:
        taken += 1
        while step(mailspace) and taken < rounds:
            taken += 1
    return taken


def reset(mailspace: int) -> None:
    """Forget what a mailspace learned; what was moved before now is not learned again."""
    clock = mailstore.clocks([mailspace]).get(mailspace, 0)
    statistics.forget(mailspace)
    statistics.learn(mailspace, clock=clock)


def forget(mailspace: int) -> None:
    """Everything of a mailspace that is being erased."""
    statistics.drop(mailspace)


def learned(mailspace: int) -> tuple[int, int]:
    """(messages of spam, messages of wanted mail) that a mailspace has learned."""
    counts = statistics.learned(mailspace)
    return int(counts.spam), int(counts.ham)


def _lessons(mailspace: int, found: Reports) -> tuple[list[Lesson], list[int]]:
    """What is learned, and which lessons are taken back."""
    spam, ham = sorted(found.spam)[-AT_ONCE:], sorted(found.ham)[-AT_ONCE:]
    if not spam and not ham:
        return [], []
    known = statistics.lessons(mailspace, [*spam, *ham])
    back = [each for each in ham if each in known and known[each].spam]
    new = [each for each in ham if each not in known]
    fresh = [each for each in spam if each not in known or not known[each].spam]
    lessons = [*_read(mailspace, fresh, spam=True), *_read(mailspace, new, spam=False)]
    return lessons, back


def _kept(mailspace: int, *, more: int, without: Collection[int]) -> list[Lesson]:
    """Mail that was kept, until as much of it is learned as of spam."""
    counts = statistics.learned(mailspace)
    missing = min(AT_ONCE, int(counts.spam) + more - int(counts.ham))
    if missing <= 0:
        return []
    candidates = [each for each in mailstore.kept(mailspace, among=LOOKED_AT) if each not in without]
    known = statistics.lessons(mailspace, candidates)
    fresh = [each for each in candidates if each not in known][:missing]
    return list(_read(mailspace, fresh, spam=False, told=False))


def _read(mailspace: int, messages: Collection[int], *, spam: bool, told: bool = True) -> Iterator[Lesson]:
    for message, raw in mailstore.raws(mailspace, messages):
        if len(raw) > LARGEST:
            continue
        try:
            yield Lesson(message, spam, features.read(raw).tokens, told)
        except Exception:  # one message must not keep the others from being learned
            log.exception("message %d could not be learned", message)
