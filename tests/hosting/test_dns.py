"""Expected × observed: the records of a domain, what the judge says of each, and the check as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hosting import domains
from hosting.dns import check, tasks
from hosting.dns.expected import DKIM_RSA, DMARC, MX, SPF, Key, Record, for_domain, records, zone_file
from hosting.dns.judge import GOOD, MISSING, UNKNOWN, WRONG, judge
from hosting.models import Domain, DomainCheck, DomainKey
from mta import resolver
from mta.resolver import FOUND, NO_NAME, Answer, Mx, Temporary
from tests.fake_resolver import FakeResolver
from tests.hosting.conftest import World

KEY = "v=DKIM1; k=rsa; p=QUJD"
WANTED = {
    record.key: record
    for record in records(
        "a.test", hostname="mx.host.test", keys=[Key("r1", "rsa", KEY), Key("e1", "ed25519", KEY)]
    )
}


def seen(record: Record, *values: Any) -> str:
    answer: Answer[Any] = Answer(FOUND if values else NO_NAME, values)
    return judge(record, answer, our_addresses=("192.0.2.1", "2001:db8::1")).state


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([(10, "mx.host.test")], GOOD),
        ([(10, "mx.host.test"), (20, "backup.test")], GOOD),
        ([(10, "backup.test"), (20, "mx.host.test")], WRONG),
        ([(10, "mx.host.test"), (10, "other.test")], WRONG),
        ([(10, "mx.other.test")], WRONG),
        ([(0, "")], WRONG),
        ([], MISSING),
    ],
)
def test_mx(found: list[tuple[int, str]], state: str) -> None:
    assert seen(WANTED[MX], *(Mx(*each) for each in found)) == state


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (["v=spf1 mx ~all"], GOOD),
        (["V=SPF1 +MX -all"], GOOD),
        (["v=spf1 a:mx.host.test -all"], GOOD),
        (["v=spf1 ip4:192.0.2.1 -all"], GOOD),
        (["v=spf1 ip6:2001:db8::1 -all"], GOOD),
        (["some other text", "v=spf1 mx:a.test ?all"], GOOD),
        (["v=spf1 include:_spf.google.com ~all"], WRONG),
        (["v=spf1 -mx ~all"], WRONG),
        (["v=spf1 mx +all"], WRONG),
        (["v=spf1 mx all"], WRONG),
        (["v=spf1"], WRONG),
        (["v=spf1 mx -all", "v=spf1 a -all"], WRONG),
        (["v=spf10 mx"], MISSING),
        (["hello"], MISSING),
        ([], MISSING),
    ],
)
def test_spf(found: list[str], state: str) -> None:
    assert seen(WANTED[SPF], *found) == state


def test_an_spf_record_of_others_is_kept_and_added_to() -> None:
    answer = Answer(FOUND, ("v=spf1 include:_spf.google.com -all",))
    assert judge(WANTED[SPF], answer).suggested == "v=spf1 a:mx.host.test include:_spf.google.com -all"


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([KEY], GOOD),
        (["v=DKIM1;k=rsa;p=QU JD"], GOOD),
        (["k=rsa; p=QUJD; v=DKIM1"], GOOD),
        (["v=DKIM1; k=rsa; p=QU"], WRONG),
        (["v=DKIM1; p="], WRONG),
        ([KEY, "v=DKIM1; p=other"], WRONG),
        (["hello"], MISSING),
        ([], MISSING),
    ],
)
def test_dkim(found: list[str], state: str) -> None:
    assert seen(WANTED[DKIM_RSA], *found) == state


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (["v=DMARC1; p=reject"], GOOD),
        (["v=DMARC1;p=none"], GOOD),
        (["v = DMARC1; p = quarantine"], GOOD),
        (["v=DMARC1"], WRONG),
        (["v=DMARC1; p=maybe"], WRONG),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], WRONG),
        (["hello"], MISSING),
    ],
)
def test_dmarc(found: list[str], state: str) -> None:
    assert seen(WANTED[DMARC], *found) == state


def test_a_silent_dns_is_called_nothing_but_silent() -> None:
    assert {judge(record, None).state for record in WANTED.values()} == {UNKNOWN}


def test_long_values_are_cut_as_the_dns_wants_them() -> None:
    long = Record("x", "TXT", "k.a.test", 'p="' + "A" * 300, "", "")
    line = zone_file([long])
    assert line == 'k.a.test. 3600 IN TXT "p=\\"' + "A" * 251 + '" "' + "A" * 49 + '"\n'


def zone_of(domain: Domain) -> dict[str, dict[str, list[Any]]]:
    """A zone with everything right."""
    zone: dict[str, dict[str, list[Any]]] = {}
    for record in for_domain(domain):
        value = (record.preference, record.value) if record.type == "MX" else record.value
        zone.setdefault(record.name, {}).setdefault(record.type, []).append(value)
    return zone


@pytest.mark.django_db
def test_the_page_turns_green_by_itself(world: World, client: Client) -> None:
    client.force_login(world.owner)
    url = "/panel/domains/bakery.test/records/"
    with resolver.use(FakeResolver({})):
        page = client.get(url).content.decode()
    assert page.count('data-state="warn"') == 5 and 'data-every="5"' in page
    Domain.objects.update(checked_at=timezone.now() - timedelta(seconds=30))
    with resolver.use(FakeResolver(zone_of(world.domain))):
        page = client.get(url).content.decode()
    assert page.count('data-state="good"') == 5 and "Everything is right" in page
    domain = Domain.objects.get(pk=world.domain.pk)
    assert (domain.dns_good, domain.dns_total) == (5, 5)
    assert DomainKey.objects.filter(domain=domain, published_at__isnull=False).count() == 2


@pytest.mark.django_db
def test_many_open_pages_ask_the_dns_once(world: World) -> None:
    fake = FakeResolver({})
    with resolver.use(fake):
        for _tab in range(3):
            check.refresh(world.domain, not_more_often=timedelta(seconds=8))
    assert fake.asked.count(("bakery.test", "MX")) == 1


@pytest.mark.django_db
def test_history_grows_only_when_something_changed(world: World) -> None:
    zone = zone_of(world.domain)
    with resolver.use(FakeResolver(zone)):
        check.run(world.domain)
        check.run(world.domain)
    assert DomainCheck.objects.filter(domain=world.domain).count() == 1
    zone["_dmarc.bakery.test"]["TXT"] = []
    with resolver.use(FakeResolver(zone)):
        check.run(world.domain)
    with resolver.use(
        FakeResolver({"bakery.test": Temporary("no answer")} | {"_dmarc.bakery.test": zone["bakery.test"]})
    ):
        findings = check.run(world.domain)
    assert findings[0].state == UNKNOWN
    assert [row.good for row in DomainCheck.objects.filter(domain=world.domain).order_by("id")] == [5, 4]


@pytest.mark.django_db
def test_an_mx_that_leads_here_activates_a_pending_domain(world: World) -> None:
    domain = domains.add("new.test", tenant=world.customer, actor=world.actor("owner"))
    with resolver.use(FakeResolver({"new.test": {"MX": [(10, "mail.example.test")]}})):
        check.run(domain)
    assert Domain.objects.get(pk=domain.pk).state == Domain.ACTIVE


@pytest.mark.django_db
def test_the_sweep_takes_what_is_due_and_sets_the_next_time(world: World) -> None:
    with resolver.use(FakeResolver(zone_of(world.domain))):
        assert tasks.sweep() == 3
        assert tasks.sweep() == 0
    again = {each.name: each.next_check_at for each in Domain.objects.all()}
    now = timezone.now()
    assert again["bakery.test"] > now + timedelta(hours=5)  # type: ignore[operator]
    assert again["garage.test"] < now + timedelta(hours=1)  # type: ignore[operator]
