"""Fill a data folder for the benchmark: `DATA_DIR=… [DATABASE_URL=…] python -m bench.seed SET`.

A *set* is a data folder with accounts. Whatever has to be parsed goes through the store's own door once; the rest is
`bench.clone`: rows as the door would have written them. A set that is there already is brought to today's
migrations and left alone.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - Django must be set up first
from django.db import connection, connections  # noqa: E402

from bench import clone, corpus, originals, sets  # noqa: E402
from bench.bulk import index_at_the_end  # noqa: E402
from bench.servers import DOMAIN, PASSWORD  # noqa: E402
from hosting import accounts, domains, tenants  # noqa: E402
from hosting.actor import system  # noqa: E402
from hosting.models import Account, Domain  # noqa: E402
from mta.mailstore import service as mailstore  # noqa: E402
from mta.mailstore.models import SearchText  # noqa: E402
from mta.values import FLAGGED, SEEN, Cause  # noqa: E402

CAUSE = Cause("import", "benchmark")
BATCH = 250
INTERNAL = 1_000_000


def main(name: str) -> None:
    chosen = sets.SETS[name]
    start = time.monotonic()
    call_command("migrate", verbosity=0)
    call_command("prepare", verbosity=0)
    if not Domain.objects.filter(name=DOMAIN).exists():
        actor = system("bench")
        provider = tenants.add_provider(name="Benchmark", actor=actor)
        domains.activate(domains.add(DOMAIN, tenant=provider, actor=actor), actor=actor)
    if not all(is_full(user, count) for user, (count, _) in chosen.items()):
        with index_at_the_end():
            for user, (count, kind) in chosen.items():
                fill(user, count, kind)
    sys.stdout.write(f"{name}: {len(chosen)} accounts in {time.monotonic() - start:.0f} s\n")


def is_full(user: str, count: int) -> bool:
    found = Account.objects.filter(username=f"{user}@{DOMAIN}").first()
    if found is None:
        return False
    mailspace = found.grants.get(right="own").mailspace
    return count in (0, mailstore.mailbox_by_role(mailspace, "inbox").messages)


def fill(user: str, count: int, kind: str) -> None:
    """An account with `count` messages in its Inbox, if it has not."""
    mailspace = account(user)
    inbox = mailstore.mailbox_by_role(mailspace, "inbox")
    if inbox.messages == count or not count:
        if 0 < count <= corpus.BLOCK:
            originals.remember(mailspace, count, kind)
        return
    if inbox.messages:
        raise SystemExit(f"{user} has {inbox.messages} messages instead of {count}: seed into a new folder")
    source = originals.find(min(count, corpus.BLOCK), kind)
    if source is None and count <= corpus.BLOCK:
        through_the_door(mailspace, count, kind)
        originals.remember(mailspace, count, kind)
    elif source is None:
        raise SystemExit(f"{user} comes before the mailbox of {corpus.BLOCK} that it is a multiple of")
    else:
        clone.clone(source, mailspace, range(max(1, count // corpus.BLOCK)))


def account(user: str) -> int:
    """The mailspace of an account, made if it is missing."""
    found = Account.objects.filter(username=f"{user}@{DOMAIN}").first()
    if found is None:
        domain = Domain.objects.get(name=DOMAIN)
        found = accounts.add(domain, user, password=PASSWORD, quota_bytes=0, actor=system("bench"))
    return found.grants.get(right="own").mailspace


def through_the_door(mailspace: int, count: int, kind: str) -> None:
    """Store messages as APPEND does, parsed by several processes, and index them."""
    inbox = mailstore.mailbox_by_role(mailspace, "inbox").id
    connections.close_all()
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1), mp_context=forked) as pool:
        ready = enumerate(pool.map(mailstore.prepare, corpus.messages(count, kind), chunksize=50))
        while batch := list(islice(ready, BATCH)):

            def work(door: mailstore.Door, batch: list[tuple[int, mailstore.Prepared]] = batch) -> None:
                for i, prepared in batch:
                    door.store(
                        mailspace,
                        prepared,
                        inbox,
                        flags=SEEN * (not corpus.is_unread(i)) | FLAGGED * corpus.is_flagged(i),
                        internal_date=int(corpus.arrived(i).timestamp() * INTERNAL),
                        cause=CAUSE,
                    )

            mailstore.commit({mailspace}, work)
    while mailstore.index_pending():
        pass
    if SearchText.objects.filter(mailspace_id=mailspace, body="").exists():
        raise SystemExit("some messages were indexed without their text: the index is not to be trusted")


if __name__ == "__main__":
    if connection.vendor == "sqlite":
        with connection.cursor() as pragma:
            pragma.execute("PRAGMA synchronous=OFF")  # a folder that fails half-way is seeded again
    main(sys.argv[1])
