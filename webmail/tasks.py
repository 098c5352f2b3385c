"""Celery tasks of the web client: thin, safe to run twice, safe to lose."""

from __future__ import annotations

import logging

from celery import shared_task

from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.values import INBOX, Cause, now_us
from webmail import bringing, compose, digest, exporting, pictures, storage_use
from webmail import chores as chores_
from webmail.contacts import background
from webmail.models import Chore, Preferences
from webmail.reading import read

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


LATELY = 180 * 1_000_000  # µs: what came before was fetched by an earlier sweep, or has been missed for good
MOST_NEW = 25  # conversations of one mailspace that are looked at


@shared_task(name="webmail.tasks.fetch_pictures", ignore_result=True)
def fetch_pictures() -> None:
    """For those who want it: the pictures of what has just come into the Inbox, so that reading tells nobody when.

    Nothing is remembered between sweeps: what is kept already costs a look at a file.
    """
    asking = Preferences.objects.filter(pictures_at_delivery=True).select_related("account")
    for account in [each.account for each in asking]:
        if account.is_active and account.mailspace is not None:
            _fetch_new(account.mailspace)


def _fetch_new(mailspace: int) -> None:
    inbox = mailstore.mailbox_by_role(mailspace, INBOX).id
    since = now_us() - LATELY
    page = mailstore.threads(mailspace, inbox, limit=MOST_NEW)
    fresh = [
        message.id
        for line in page.rows
        if line.sort_at >= since
        for message in mailstore.conversation(mailspace, line.thread).messages
        if message.internal_date >= since and inbox in message.boxes and not message.own
    ]
    for message, raw in mailstore.raws(mailspace, fresh[: MOST_NEW * 2]):
        count = pictures.fetch_ahead(mailspace, read(raw, whole=True).html)
        if count:
            logger.info("message %d of mailspace %d: %d pictures are here", message, mailspace, count)


WORKERS = {
    Chore.EXPORT: exporting.work,
    Chore.STORAGE: storage_use.work,
    Chore.IMPORT: bringing.work,
    Chore.CONTACTS: background.work,
}


@shared_task(name="webmail.tasks.tell_of_held_mail", ignore_result=True)
def tell_of_held_mail() -> None:
    """The daily mail about the quarantine, to those whose morning has come (beat)."""
    digest.sweep()


@shared_task(name="webmail.tasks.chores", ignore_result=True)
def chores() -> None:
    """Do what people asked for that takes long (when one asks, and from the beat); forget what is a week old."""
    if chores_.work(WORKERS):
        chores_.ring()
    chores_.forget()
