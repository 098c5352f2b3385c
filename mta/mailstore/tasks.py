"""Celery tasks of the store: thin, safe to run twice, safe to lose."""

from celery import shared_task

from mta.values import now_us

from . import indexing, jobs, upkeep, waking, whole, working

ROUNDS = 50  # pieces of one kind that one sweep takes on; the next goes on


@shared_task(name="mta.mailstore.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Index what a process could not index itself; forget what is past its time (beat, every minute)."""
    minute = now_us() // 60_000_000
    for _ in range(ROUNDS):
        if indexing.index_pending() < indexing.BATCH:
            break
    whole.take_back_abandoned(now=now_us())
    upkeep.empty_old_trash(part=minute % upkeep.PARTS)
    for forget in (
        upkeep.purge_messages,
        upkeep.compact_tombstones,
        upkeep.forget_journal,
        upkeep.forget_drafts,
        upkeep.forget_jobs,
        upkeep.collect_blobs,
    ):
        for _ in range(ROUNDS):
            if not forget():
                break
    upkeep.sweep_orphans(minute)


@shared_task(name="mta.mailstore.tasks.wake", ignore_result=True)
def wake() -> None:
    """Bring back what was snoozed until now (beat, every few seconds)."""
    waking.wake_due()


@shared_task(name="mta.mailstore.tasks.work", ignore_result=True)
def work() -> None:
    """Do some of what people started over many conversations (when one starts, and from the beat)."""
    if working.work():
        jobs.ring()
