"""Ask the DNS what a domain's records are, judge them, keep the outcome as history.

Called by the live check of the panel, by the scheduled sweep and by `manage.py domain check`. Never
holds a transaction while it waits for the DNS.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosting import domains, host
from hosting.actor import system
from hosting.dns.expected import MX, Record, for_domain
from hosting.dns.judge import GOOD, UNKNOWN, Finding, Observed, judge
from hosting.models import Domain, DomainCheck, DomainKey
from mta import resolver
from mta.resolver import Temporary

AGAIN_WHEN_GOOD = timedelta(hours=6)
AGAIN_WHEN_NOT = timedelta(minutes=10)
_DNS = system("DNS check")


def run(domain: Domain) -> tuple[Finding, ...]:
    """Check now; returns the findings in the order of the expected records."""
    wanted = for_domain(domain)
    questions: list[Callable[[], Any]] = [_question(record) for record in wanted]
    hostname = host.name()
    with ThreadPoolExecutor(max_workers=len(questions) + 1, thread_name_prefix="dns-check") as pool:
        ours = pool.submit(_quietly, lambda: resolver.addresses_sync(hostname))
        answers = [pool.submit(_quietly, question) for question in questions]
        observed: list[Observed] = [answer.result() for answer in answers]
        found = ours.result()
    addresses = tuple(found.values) if found is not None else ()
    findings = tuple(
        judge(record, seen, our_addresses=addresses) for record, seen in zip(wanted, observed, strict=True)
    )
    _keep(domain, wanted, findings)
    return findings


def refresh(domain: Domain, *, not_more_often: timedelta) -> None:
    """Check unless one was begun a moment ago, by whichever process."""
    now = timezone.now()
    due = Q(checked_at__isnull=True) | Q(checked_at__lte=now - not_more_often)
    with transaction.atomic():
        mine = Domain.objects.filter(due, pk=domain.pk).update(checked_at=now)
    if mine:
        run(domain)


def latest(domain: Domain) -> DomainCheck | None:
    return DomainCheck.objects.filter(domain=domain).order_by("-id").first()


def findings_of(check: DomainCheck | None) -> dict[str, Finding]:
    """By key. Rows written by an older version may lack fields or know others."""
    known = Finding.__slots__
    found: dict[str, Finding] = {}
    for row in check.findings if check else ():
        finding = Finding(**{name: value for name, value in row.items() if name in known})
        found[finding.key] = finding
    return found


def _question(record: Record) -> Callable[[], Any]:
    if record.type == "MX":
        return lambda: resolver.mx_sync(record.name)
    return lambda: resolver.txt_sync(record.name)


def _quietly(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Temporary:
        return None


def _keep(domain: Domain, wanted: tuple[Record, ...], findings: tuple[Finding, ...]) -> None:
    now = timezone.now()
    good = sum(finding.state == GOOD for finding in findings)
    rows = [asdict(finding) | {"observed": list(finding.observed)} for finding in findings]
    with transaction.atomic():
        again = AGAIN_WHEN_GOOD if good == len(findings) else AGAIN_WHEN_NOT
        Domain.objects.filter(pk=domain.pk).update(checked_at=now, next_check_at=now + again)
        if not any(finding.state == UNKNOWN for finding in findings):
            Domain.objects.filter(pk=domain.pk).update(dns_good=good, dns_total=len(findings))
            last = latest(domain)
            if last is not None and last.findings == rows:
                DomainCheck.objects.filter(pk=last.pk).update(last_at=now)
            else:
                DomainCheck.objects.create(
                    domain=domain, first_at=now, last_at=now, good=good, total=len(findings), findings=rows
                )
        selectors = [
            record.name.split(".", 1)[0]
            for record, finding in zip(wanted, findings, strict=True)
            if record.key.startswith("dkim") and finding.state == GOOD
        ]
        DomainKey.objects.filter(domain=domain, selector__in=selectors, published_at__isnull=True).update(
            published_at=now
        )
    if any(finding.key == MX and finding.state == GOOD for finding in findings):
        domains.activate(domain, actor=_DNS)
