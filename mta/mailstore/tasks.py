"""Celery tasks of the store: thin, safe to run twice, safe to lose."""

from celery import shared_task

from . import search, upkeep


@shared_task(name="mta.mailstore.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Index what a process could not index itself; forget what is past its time (beat, every minute)."""
    while search.index_pending() >= search.BATCH:
        pass
    upkeep.empty_old_trash()
    upkeep.purge_messages()
    upkeep.forget_journal()
    upkeep.collect_blobs()
