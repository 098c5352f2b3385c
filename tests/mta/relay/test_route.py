"""Where mail for a domain goes, as a table of domains."""

import asyncio
import random

import pytest

from mta.queue import reasons
from mta.queue.values import DEFERRED, FAILED, Outcome
from mta.relay.route import Target, route
from mta.relay.world import Smarthost, World, parse_smarthost
from mta.resolver import Temporary
from tests.fake_resolver import FakeResolver

WORLD = World("mail.us.test", listening=(("0.0.0.0", 25), ("203.0.113.5", 25)))
BROKEN = Temporary("no DNS server answered in time")
ZONE = {
    "one.test": {"MX": [(10, "mx.one.test")]},
    "mx.one.test": {"A": ["8.8.4.1"], "AAAA": ["2606:4700::1"]},
    "order.test": {"MX": [(20, "back.order.test"), (5, "front.order.test")]},
    "back.order.test": {"A": ["8.8.4.3"]},
    "front.order.test": {"A": ["8.8.4.2"]},
    "equal.test": {"MX": [(10, f"mx{number}.equal.test") for number in range(4)]},
    **{f"mx{number}.equal.test": {"A": [f"8.8.5.{number}"]} for number in range(4)},
    "implicit.test": {"A": ["8.8.4.4"]},
    "alias.test": {"CNAME": ["implicit.test"]},
    "null.test": {"MX": [(0, "")]},
    "nothing.test": {"TXT": ["hello"]},
    "broken.test": BROKEN,
    "dangling.test": {"MX": [(10, "gone.dangling.test")]},
    "halfbroken.test": {"MX": [(10, "broken.test"), (20, "mx.one.test")]},
    "allbroken.test": {"MX": [(10, "broken.test")]},
    "private.test": {"MX": [(10, "inside.private.test")]},
    "inside.private.test": {"A": ["10.0.0.1", "10.0.0.2"]},
    "mixed.test": {"MX": [(10, "mixed.mixed.test")]},
    "mixed.mixed.test": {"A": ["192.168.0.1", "8.8.4.9"]},
    "ours.test": {"MX": [(10, "mail.us.test")]},
    "oursbackup.test": {"MX": [(5, "mx.one.test"), (10, "mail.us.test"), (20, "back.order.test")]},
    "mail.us.test": {"A": ["203.0.113.5"]},
    "ouraddress.test": {"MX": [(10, "othername.test")]},
    "othername.test": {"A": ["203.0.113.5"]},
    "loopback.test": {"MX": [(10, "loop.loopback.test")]},
    "loop.loopback.test": {"A": ["127.0.0.1"]},
    "many.test": {"MX": [(10, f"mx{number}.many.test") for number in range(50)]},
    **{f"mx{number}.many.test": {"A": [f"8.8.{number}.{n}" for n in range(20)]} for number in range(50)},
}


def to(domain, *, world=WORLD, seed=1):
    return asyncio.run(route(domain, resolver=FakeResolver(ZONE), world=world, chance=random.Random(seed)))


def ips(found):
    assert not isinstance(found, Outcome), found
    return [target.ip for target in found]


def test_an_exchanger_is_tried_at_all_its_addresses():
    assert to("one.test") == (
        Target("mx.one.test", "2606:4700::1", 25, 10),
        Target("mx.one.test", "8.8.4.1", 25, 10),
    )


def test_the_lowest_preference_comes_first():
    assert ips(to("order.test")) == ["8.8.4.2", "8.8.4.3"]


def test_equal_preferences_share_the_load():
    firsts = {ips(to("equal.test", seed=seed))[0] for seed in range(40)}
    assert firsts == {f"8.8.5.{number}" for number in range(4)}


def test_without_mx_the_domain_itself_takes_the_mail_also_behind_a_cname():
    assert ips(to("implicit.test")) == ["8.8.4.4"]
    assert to("alias.test") == (Target("implicit.test", "8.8.4.4", 25, 0),)


def test_one_exchanger_that_cannot_be_looked_up_does_not_hide_the_others():
    assert ips(to("halfbroken.test")) == ["2606:4700::1", "8.8.4.1"]


def test_private_addresses_are_left_out():
    assert ips(to("mixed.test")) == ["8.8.4.9"]


@pytest.mark.parametrize(
    ("domain", "state", "reason"),
    [
        ("gone.test", FAILED, reasons.NO_DOMAIN),
        ("null.test", FAILED, reasons.NO_MAIL),
        ("nothing.test", FAILED, reasons.NO_MAIL),
        ("dangling.test", FAILED, reasons.NO_MAIL),
        ("broken.test", DEFERRED, reasons.DNS),
        ("allbroken.test", DEFERRED, reasons.DNS),
        ("private.test", FAILED, reasons.PRIVATE),
        ("ours.test", FAILED, reasons.LOOP),
        ("ouraddress.test", FAILED, reasons.LOOP),
        ("loopback.test", FAILED, reasons.LOOP),
        ("[10.0.0.1]", FAILED, reasons.PRIVATE),
        ("[203.0.113.5]", FAILED, reasons.LOOP),
        ("[nonsense]", FAILED, reasons.BAD_ADDRESS),
    ],
)
def test_a_domain_without_a_way_says_why(domain, state, reason):
    found = to(domain)
    assert isinstance(found, Outcome)
    assert (found.state, found.reason) == (state, reason)


def test_only_exchangers_better_than_ourselves_are_used():
    assert [target.host for target in to("oursbackup.test")] == ["mx.one.test"] * 2


def test_an_address_of_ours_at_another_port_is_somebody_else():
    world = World("a.test", port=2626, listening=(("127.0.0.1", 2525),), allow_private=True)
    assert to("loopback.test", world=world) == (Target("loop.loopback.test", "127.0.0.1", 2626, 10),)
    same = World("a.test", port=2525, listening=(("127.0.0.1", 2525),), allow_private=True)
    assert to("loopback.test", world=same).reason == reasons.LOOP


def test_an_address_literal_needs_no_dns():
    assert to("[8.8.4.4]") == (Target("[8.8.4.4]", "8.8.4.4", 25),)
    assert ips(to("[IPv6:2606:4700::2]")) == ["2606:4700::2"]


def test_a_smart_host_takes_everything_wherever_it_stands():
    world = World("a.test", smarthost=Smarthost("inside.private.test", 587))
    assert to("gone.test", world=world) == (
        Target("inside.private.test", "10.0.0.1", 587),
        Target("inside.private.test", "10.0.0.2", 587),
    )


def test_a_smart_host_that_a_person_named_is_out_on_the_internet_and_not_ourselves():
    inside = Smarthost("inside.private.test", 587, "ann", "secret", "tls", personal=True)
    assert to("any.test", world=World("a.test", smarthost=inside)).reason == reasons.PRIVATE
    ours = Smarthost("127.0.0.1", 587, "ann", "secret", "tls", personal=True)
    world = World("a.test", submitting=(("127.0.0.1", 587),), allow_private=True, smarthost=ours)
    assert to("any.test", world=world).reason == reasons.LOOP
    assert "secret" not in repr(ours)
    by_name = Smarthost("inside.private.test", 587, "ann", "secret", "tls", personal=True)
    world = World("inside.private.test", allow_private=True, smarthost=by_name)
    assert to("any.test", world=world).reason == reasons.LOOP


def test_the_list_of_targets_is_bounded():
    assert len(to("many.test")) == 30


@pytest.mark.parametrize(
    ("text", "smarthost"),
    [
        ("", None),
        ("relay.test", Smarthost("relay.test", 25)),
        ("relay.test:587", Smarthost("relay.test", 587)),
        ("me%40x.test:p%3Aw@relay.test:587", Smarthost("relay.test", 587, "me@x.test", "p:w")),
        ("[2001:db8::1]:26", Smarthost("2001:db8::1", 26)),
    ],
)
def test_a_smart_host_is_written_in_one_line(text, smarthost):
    assert parse_smarthost(text, port=25) == smarthost
    assert "p:w" not in repr(parse_smarthost(text, port=25))
