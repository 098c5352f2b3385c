"""Celery tasks of what happens to messages: thin, safe to run twice, safe to lose."""

from celery import shared_task

from mta.filters import service as filters

from . import acquainting, scheduled

ROUNDS = 20  # chunks of one sweep


@shared_task(name="mta.flow.tasks.get_acquainted", ignore_result=True)
def get_acquainted() -> None:
    """Learn who wrote to whom in what came since, and in old mail (beat)."""
    acquainting.sweep(rounds=ROUNDS)


@shared_task(name="mta.flow.tasks.forget_answered", ignore_result=True)
def forget_answered() -> None:
    """Forget who was answered automatically, once no reply remembers that long (beat)."""
    filters.forget_answered()


@shared_task(name="mta.flow.tasks.send_scheduled", ignore_result=True)
def send_scheduled() -> None:
    """Send what lies in Scheduled and whose hour has come (beat)."""
    scheduled.send_due()
