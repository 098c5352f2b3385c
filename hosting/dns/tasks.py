"""The scheduled DNS checks. Any number of beats and workers is harmless: a domain is taken by moving
`next_check_at` forward in one conditional update.
"""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from hosting.dns.check import run
from hosting.models import Domain

AT_MOST = 50  # domains of one sweep
LEASE = timedelta(minutes=5)


@shared_task(name="hosting.dns.tasks.sweep", ignore_result=True)
def sweep() -> int:
    """Check the domains that are due; returns how many."""
    now = timezone.now()
    due = Domain.objects.filter(next_check_at__lte=now).order_by("next_check_at")[:AT_MOST]
    done = 0
    for domain in due:
        mine = Domain.objects.filter(pk=domain.pk, next_check_at=domain.next_check_at)
        if mine.update(next_check_at=now + LEASE):
            run(domain)
            done += 1
    return done
