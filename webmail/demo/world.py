"""The demonstration host: a provider, a reseller with two customers, four accounts, Ann's mail.

Only ever made in an empty installation; everything goes through the same services that people use.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings

from hosting import accounts, aliases, domains, tenants
from hosting.actor import Actor, system
from hosting.models import Account, Domain, Role, Tenant
from hosting.passwords import DEMO_PASSWORD
from mta.mailstore import service as mailstore
from mta.message import trace
from mta.trust.verdict import Evidence, Verdict, written
from mta.values import ARCHIVE, FLAGGED, INBOX, SEEN, Cause
from webmail.demo import desk
from webmail.demo.corpus import colleague, demonstration
from webmail.demo.letter import Letter
from webmail.models import Preferences

CAUSE = Cause("import", "demonstration data")
LABELS = {"Work": 7, "Family": 1, "Garden": 4, "Receipts": 2, "Travel": 6}
GIB = 1024**3
BATCH = 40
Say = Callable[[str], None]


def is_empty() -> bool:
    """True on an installation that nobody has used yet."""
    return not Tenant.objects.exists() and not Account.objects.exists()


def build(say: Say) -> None:
    """Make all of it; about as long as a deep breath."""
    actor = system("demo")
    say("domains and accounts")
    provider = tenants.add_provider(name="Demonstration host", actor=actor)
    domain = domains.add("example.test", tenant=provider, actor=actor)
    domains.activate(domain, actor=actor)
    ann = _account(domain, "ann", "Ann Lindqvist", actor)
    ben = _account(domain, "ben", "Ben Okafor", actor)
    admin = _account(domain, "admin", "Alex Admin", actor)
    reseller = _account(domain, "reseller", "Robin Reseller", actor)
    accounts.give_role(admin, provider, kind=Role.OWNER, actor=actor)
    aliases.add(domain, "team", targets=["ann@example.test", "ben@example.test"], actor=actor)
    aliases.add(domain, "hello", targets=["ann@example.test"], actor=actor)
    _customers(provider, reseller, actor)
    preferences = Preferences.objects.create(account=ann, greeted=True)  # she has been here for months
    say("mail")
    now = datetime.now(tz=UTC)
    fill(_mailspace(ann), demonstration(now), say)
    fill(_mailspace(ben), colleague(now), say)
    _moved_by_a_program(_mailspace(ann), ann.username)
    say("address book and settings")
    desk.set_up(ann, _mailspace(ann), preferences)
    while mailstore.index_pending():
        pass


def _account(domain: Domain, local: str, name: str, actor: Actor) -> Account:
    return accounts.add(
        domain, local, password=DEMO_PASSWORD, full_name=name, quota_bytes=2 * GIB, actor=actor
    )


def _mailspace(account: Account) -> int:
    return account.grants.get(right="own").mailspace


def _customers(provider: Tenant, reseller: Account, actor: Actor) -> None:
    shop = tenants.add(
        parent=provider,
        kind=Tenant.RESELLER,
        name="Harbour Hosting",
        max_domains=20,
        max_accounts=200,
        max_quota_bytes=500 * GIB,
        actor=actor,
    )
    accounts.give_role(reseller, shop, kind=Role.OWNER, actor=actor)
    for customer, name, people in (
        ("Marlowe Studio", "marlowe-studio.test", ("ada", "liam")),
        ("Riverbank Press", "riverbank-press.test", ("priya", "rosa", "office")),
    ):
        tenant = tenants.add(parent=shop, kind=Tenant.CUSTOMER, name=customer, max_accounts=25, actor=actor)
        domain = domains.add(name, tenant=tenant, actor=actor)
        domains.activate(domain, actor=actor)
        for local in people:
            _account(domain, local, local.title(), actor)


def _delivery(prepared: mailstore.Prepared, letter: Letter) -> dict[str, Any]:
    """What this host would have noted on delivery: its trace lines, the papers, why it lies where it lies."""
    if letter.box == "sent":
        return {}
    facts = prepared.facts
    sender = facts.from_[0].email if facts.from_ else ""
    domain = sender.rpartition("@")[2]
    name = hashlib.sha256(facts.message_id.encode()).hexdigest()[:26]
    at = int(letter.at.timestamp() * 1_000_000)
    to = facts.to[0].email if facts.to and facts.to[0].domain == "example.test" else "ann@example.test"
    line = trace.received(
        f"mail.{domain}",
        f"192.0.2.{int(name[:2], 16)}",
        None,
        settings.MAIL_HOSTNAME,
        "ESMTPS",
        "TLSv1.3 TLS_AES_256_GCM_SHA384",
        name,
        to,
        at,
    )
    evidence = tuple(
        Evidence(method, result, "", domain)
        for method, result in zip(("spf", "dkim", "dmarc"), letter.papers, strict=False)
    )
    return {
        "prefix": trace.return_path(sender) + trace.delivered_to(to) + line,
        "trace_id": name,
        "reasons": {
            "placement": f"Sent to {to}",
            "evidence": written(Verdict(evidence)),
            **({"spam": letter.spam} if letter.spam else {}),
        },
    }


def _moved_by_a_program(mailspace: int, username: str) -> None:
    """What a phone did without being asked twice: something to find out, and to take back."""
    inbox = mailstore.mailbox_by_role(mailspace, INBOX).id
    archive = mailstore.mailbox_by_role(mailspace, ARCHIVE).id
    for line in mailstore.threads(mailspace, inbox, limit=60).rows:
        if line.subject.startswith("Measurements for the shelf"):
            cause = Cause("imap", session="Thunderbird on 10.0.0.7", actor=username)
            mailstore.move_threads(mailspace, [line.thread], inbox, archive, cause=cause)
            return


def fill(mailspace: int, letters: Iterable[Letter], say: Say) -> None:
    """Store letters into a mailspace, in batches, with their flags, labels and dates."""
    boxes = {info.role: info.id for info in mailstore.mailboxes(mailspace) if info.role}
    threads: dict[str, set[int]] = defaultdict(set)
    waiting = iter(letters)
    stored = 0
    while batch := list(islice(waiting, BATCH)):
        ready = [(mailstore.prepare(letter.raw), letter) for letter in batch]

        def work(door: mailstore.Door, ready: list[tuple[mailstore.Prepared, Letter]] = ready) -> list[int]:
            return [
                door.store(
                    mailspace,
                    prepared,
                    boxes[letter.box],
                    flags=SEEN * letter.seen | FLAGGED * letter.starred,
                    internal_date=int(letter.at.timestamp() * 1_000_000),
                    cause=CAUSE,
                    **_delivery(prepared, letter),
                ).thread
                for prepared, letter in ready
            ]

        for thread, (_, letter) in zip(mailstore.commit({mailspace}, work), ready, strict=True):
            for label in letter.labels:
                threads[label].add(thread)
        stored += len(batch)
        if stored % 120 == 0:
            say(f"mail: {stored} messages")
    for label, labelled in sorted(threads.items()):
        colour = LABELS.get(label)
        mailbox = mailstore.create_mailbox(mailspace, label, colour=colour, cause=CAUSE)
        mailstore.label(mailspace, sorted(labelled), mailbox.id, cause=CAUSE)
