"""A message that arrived at the old host, delivered here as any other: through the filters, under its label.

Its envelope is not known, so nothing answers it and no report about it is sent; that it was fetched is noted in the
same transaction as the delivery, so that it comes once.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta.archive.naming import fit
from mta.archive.values import Letter
from mta.flow import filing
from mta.flow.filing import Copy
from mta.flow.placement import Decision
from mta.mailstore import service as mailstore
from mta.mailstore.errors import StoreError
from mta.mailstore.service import Door, prepare
from mta.tracing import service as tracing
from mta.values import FLAGGED, INBOX, LABEL, SEEN, Cause

from .models import Fetched, Source


def deliver(source: Source, letter: Letter, *, known_as: str) -> None:
    """Into the Inbox, unless a filter files it elsewhere."""
    prepared = prepare(letter.raw)
    cause = Cause("import", f"fetching from {source.address}", source.account.username)
    reason = _("Fetched from %s") % source.address
    copy = Copy(
        mailspace=source.mailspace,
        address=source.address,
        sender="",
        decision=Decision(INBOX, reason, letter.flags & (SEEN | FLAGGED)),
        prepared=prepared,
        raw=letter.raw,
        prefix=b"",
        received=b"",
        trace_id=tracing.new_trace_id(),
        reasons={"placement": reason},
        cause=cause,
        utf8=False,
        tokens=filing.ahead(prepared, [source.mailspace]),
        labels=_labels(source, letter, cause),
    )

    def work(door: Door) -> None:
        if known_as:
            _row, is_new = Fetched.objects.get_or_create(source=source, name=known_as)
            if not is_new:
                return
        _decision, events = filing.store(door, copy)
        tracing.record(events)

    mailstore.commit({source.mailspace}, work)


def _labels(source: Source, letter: Letter, cause: Cause) -> tuple[int, ...]:
    """Those of the source and of the letter, made if they are missing; what cannot be made is left out."""
    found = []
    for name in dict.fromkeys((source.label, *letter.folders)):
        if not name:
            continue
        try:
            box = mailstore.mailbox(source.mailspace, fit(name))
        except StoreError:
            try:
                box = mailstore.create_mailbox(source.mailspace, fit(name), cause=cause)
            except StoreError:
                continue
        if box.role == LABEL:
            found.append(box.id)
    return tuple(found)
