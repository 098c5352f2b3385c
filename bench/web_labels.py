"""Give the mailboxes that a browser opens a label with some hundred conversations: `python -m bench.web_labels NAME`."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
django.setup()

from bench import sets  # noqa: E402 - Django must be set up first
from bench.seed import CAUSE, account  # noqa: E402
from mta.mailstore import service as mailstore  # noqa: E402

PAGES, PAGE = 8, 50


def main(name: str) -> None:
    for user in sets.BROWSED.values():
        mailspace = account(user)
        if any(each.name == name for each in mailstore.mailboxes(mailspace)):
            continue
        label = mailstore.create_mailbox(mailspace, name, cause=CAUSE)
        inbox = mailstore.mailbox_by_role(mailspace, "inbox").id
        before = None
        for _ in range(PAGES):
            page = mailstore.threads(mailspace, inbox, before=before, limit=PAGE)
            if not page.rows:
                break
            mailstore.label(mailspace, [row.thread for row in page.rows[::2]], label.id, cause=CAUSE)
            before = (page.rows[-1].sort_at, page.rows[-1].thread)


if __name__ == "__main__":
    main(sys.argv[1])
