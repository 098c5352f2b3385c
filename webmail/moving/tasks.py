"""Celery tasks of moving in: thin, safe to run twice, safe to lose."""

from __future__ import annotations

from celery import shared_task

from . import mover, turns


@shared_task(name="webmail.moving.tasks.move", ignore_result=True)
def move() -> None:
    """Bring over what somebody asked for, and look for what arrived (when one asks, and from the beat)."""
    if turns.work(mover.work):
        turns.ring()
