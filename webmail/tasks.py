"""Celery tasks of the web client: thin, safe to run twice, safe to lose."""

from __future__ import annotations

import logging

from celery import shared_task

from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.values import Cause, now_us
from webmail import compose

IDLE = 30 * 1_000_000  # µs without a change after which a draft's form is rewritten
logger = logging.getLogger(__name__)


@shared_task(name="webmail.tasks.materialise_stale_drafts", ignore_result=True)
def materialise_stale_drafts() -> None:
    """Show in the Drafts mailbox what windows left behind: a browser that crashed, a connection that broke."""
    cause = Cause("task", session="drafts")
    for mailspace, draft in mailstore.stale_drafts(older_than=now_us() - IDLE):
        try:
            compose.materialise(mailspace, mailstore.draft(mailspace, draft), cause=cause)
        except StoreError as error:  # sent, discarded, or no room: the next sweep looks again
            logger.info("draft %d of mailspace %d: %s", draft, mailspace, error)
