"""Celery tasks of `mta.limits`: only the sweep."""

from celery import shared_task

from mta.limits import service


@shared_task(name="mta.limits.tasks.sweep")
def sweep() -> None:
    """Counts that have lost their weight, and what dead processes held."""
    service.sweep()
