"""Fill an account's Inbox with plain messages: `DATA_DIR=… python -m bench.fill ADDRESS COUNT`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
django.setup()

from hosting.models import Account  # noqa: E402 - Django must be set up first
from mta.archive.values import INBOX, Letter  # noqa: E402
from mta.mailstore import service as mailstore  # noqa: E402
from mta.values import SEEN, Cause  # noqa: E402
from webmail.demo.corpus import plain  # noqa: E402


def main(address: str, count: int) -> None:
    mailspace = Account.objects.get(username=address).grants.get(right="own").mailspace
    start = datetime(2026, 1, 1, tzinfo=UTC)
    letters = (
        Letter(
            raw,
            (INBOX,),
            flags=SEEN if number % 3 else 0,
            internal_date=int((start + timedelta(minutes=number)).timestamp() * 1_000_000),
        )
        for number, raw in enumerate(plain(count, to=address))
    )
    mailstore.import_letters(
        mailspace,
        letters,
        cause=Cause("import", "benchmark"),
        terms=mailstore.Terms(over_quota=True),
        report=lambda broken: None,
        progress=lambda tally: None,
    )
    while mailstore.index_pending():
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
