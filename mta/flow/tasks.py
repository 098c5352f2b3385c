"""Celery tasks of what happens to messages: thin, safe to run twice, safe to lose."""

from celery import shared_task

from mta.filters import service as filters
from mta.trust import greylist
from mta.trust.spam import statistics

from . import acquainting, learning, leftovers, scanning, scheduled

ROUNDS = 20  # chunks of one sweep
LESSONS = 500  # mailspaces of one sweep: mostly two small queries each


@shared_task(name="mta.flow.tasks.get_acquainted", ignore_result=True)
def get_acquainted() -> None:
    """Learn who wrote to whom in what came since, and in old mail (beat)."""
    acquainting.sweep(rounds=ROUNDS)


@shared_task(name="mta.flow.tasks.learn_spam", ignore_result=True)
def learn_spam() -> None:
    """Learn what was moved into Junk, and out of it (beat)."""
    learning.sweep(rounds=LESSONS)


@shared_task(name="mta.flow.tasks.scan_later", ignore_result=True)
def scan_later() -> None:
    """Ask again about what came while a scanner did not answer (beat)."""
    scanning.sweep()


@shared_task(name="mta.flow.tasks.keep_trust", ignore_result=True)
def keep_trust() -> None:
    """Old lessons count less, and what was asked to come again is forgotten (beat)."""
    statistics.upkeep()
    greylist.forget()


@shared_task(name="mta.flow.tasks.forget_answered", ignore_result=True)
def forget_answered() -> None:
    """Forget who was answered automatically, once no reply remembers that long, and whose mailbox is gone (beat)."""
    filters.forget_answered()
    leftovers.forget_gone()


@shared_task(name="mta.flow.tasks.send_scheduled", ignore_result=True)
def send_scheduled() -> None:
    """Send what lies in Scheduled and whose hour has come (beat)."""
    scheduled.send_due()
