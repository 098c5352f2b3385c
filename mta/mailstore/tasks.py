"""Celery tasks of the store: thin, safe to run twice, safe to lose."""

from celery import shared_task

from . import search


@shared_task(ignore_result=True)
def sweep() -> None:
    """Index what a process could not index itself (beat, every minute)."""
    while search.index_pending() >= search.BATCH:
        pass
