"""DNS answers that never come, never end, lead in circles or are enormous: each check ends soon, and nothing fails."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.resolver import FOUND, Answer, Dns, Mx, Temporary
from mta.sandbox.dns import BROKEN, SILENT
from mta.trust import asking, checks, iprev, spf, spf_record
from mta.trust.asking import Asking
from mta.trust.spf_record import BadRecord
from tests.dns_server import serving
from tests.fake_resolver import FakeResolver
from tests.mta.trust.letters import ED25519, ZONE, mail, signed, verdict


@pytest.fixture(autouse=True)
def _nobody_was_silent(monkeypatch):
    monkeypatch.setattr(asking, "_line", asking._Line())


def evaluated(zone, *, ip="192.0.2.1", sender="ann@a.test", helo="mx.a.test", **more):
    resolver = zone if hasattr(zone, "txt") else FakeResolver(zone)
    found = asyncio.run(spf.check(Asking(resolver), ip=ip, sender=sender, helo=helo, **more))
    return found, resolver


class Endless:
    """Every name exists and says what `text` makes of it; it counts what it is asked."""

    def __init__(self, text="", values=1):
        self.text, self.values, self.asked = text, values, 0

    def _said(self, *values):
        self.asked += 1
        return Answer(FOUND, tuple(values) * self.values)

    async def txt(self, name):
        return self._said(self.text)

    async def mx(self, name):
        return self._said(*(Mx(each, f"{each}.{name}") for each in range(10)))

    async def ptr(self, address):
        return self._said(*(f"{each}.a.test" for each in range(500)))

    async def addresses(self, name, *, family=0):
        return self._said("198.51.100.1")


class Silence:
    """Nobody ever answers."""

    def __init__(self):
        self.asked = 0

    async def txt(self, name, **more):
        self.asked += 1
        await asyncio.sleep(3600)

    mx = ptr = addresses = txt


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 include:%{d} -all",
        "v=spf1 include:x%{d}.a.test -all",
        "v=spf1 redirect=y.%{d}",
        "v=spf1 " + "a:x.test " * 200 + "-all",
        "v=spf1 " + "mx:x.test " * 200 + "-all",
        "v=spf1 " + "exists:%{i}.x.test " * 200 + "-all",
        "v=spf1 " + "ptr:x.test " * 200 + "-all",
        "v=spf1 include:a.test include:b.test include:c.test -all",
    ],
)
def test_no_record_makes_us_ask_without_end(text):
    resolver = Endless(text)
    found, _ = evaluated(resolver)
    assert found.result in {"permerror", "pass"}
    assert resolver.asked <= 125


def test_two_questions_in_vain_are_enough():
    zone = {"a.test": {"TXT": ["v=spf1 a:b.test a:c.test a:d.test +all"]}}
    found, _ = evaluated(zone)
    assert found.result == "permerror"
    assert "does not exist" in found.reason
    zone["d.test"] = {"A": ["198.51.100.9"]}
    assert evaluated(zone)[0].result == "pass"


def test_records_of_any_length_end_soon():
    for text in (
        "v=spf1 " + "ip4:198.51.100.1 " * 400,
        "v=spf1 " + "a" * 8000,
        "v=spf1 a:" + "a" * 8000,
        "v=spf1 a:" + "a." * 4000,
        "v=spf1 a:" + "%{d}" * 2000,
        "v=spf1 a:" + "%" * 8000,
        "v=spf1 a:x" + "-" * 8000,
        "v=spf1 x=" + "%{" * 4000,
        "v=spf1 " + " " * 8000,
        "v=spf1 ip4:1.1.1.1 " * 100_000,
    ):
        began = time.process_time()
        found, _ = evaluated({"a.test": {"TXT": [text]}})
        assert found.result in {"neutral", "permerror"}
        assert time.process_time() - began < 1


def test_a_macro_that_grows_is_no_name():
    zone = {"a.test": {"TXT": ["v=spf1 exists:%{l}%{l}%{l}%{l}%{l}.a.test ?all"]}}
    found, resolver = evaluated(zone, sender=f"{'x' * 64}@a.test")
    assert found.result == "neutral"
    assert [name for name, _kind in resolver.asked if len(name) > 253] == []


@pytest.mark.parametrize(
    ("sender", "helo", "result", "identity"),
    [
        ("", "mx.a.test", "pass", "helo"),
        ("", "a.test", "fail", "helo"),
        ("", "[192.0.2.1]", "none", "helo"),
        ("", "localhost", "none", "helo"),
        ("", "", "none", "helo"),
        ("", "bad helo", "none", "helo"),
        ("ann@a.test", "", "fail", "mailfrom"),
        ("ann@[192.0.2.1]", "x", "none", "mailfrom"),
        ("ann@bücher.test", "x", "pass", "mailfrom"),
        ("ann@" + "ü" * 300, "x", "none", "mailfrom"),
        ("@a.test", "x", "fail", "mailfrom"),
    ],
)
def test_whose_record_is_asked_for(sender, helo, result, identity):
    zone = {
        "a.test": {"TXT": ["v=spf1 -all"]},
        "mx.a.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
        "xn--bcher-kva.test": {"TXT": ["v=spf1 +all"]},
    }
    found, _ = evaluated(zone, sender=sender, helo=helo)
    assert (found.result, found.identity) == (result, identity)


def test_an_ipv4_client_on_an_ipv6_socket_is_an_ipv4_client():
    zone = {"a.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    assert evaluated(zone, ip="::ffff:192.0.2.1")[0].result == "pass"
    assert evaluated(zone, ip="nonsense")[0].result == "none"


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(" aimpx:/=%{}drl0123456789.+-~?") | st.characters(), max_size=120))
def test_no_text_upsets_the_reading_of_a_record(text):
    try:
        record = spf_record.parse(f"v=spf1 {text}")
    except BadRecord as bad:
        assert str(bad)
        return
    values = dict.fromkeys("slodiphvcrt", "x.y")
    for mechanism in record.mechanisms:
        assert mechanism.qualifier in "+-~?"
        name = spf_record.as_domain(spf_record.expand(mechanism.domain, values))
        assert name == "" or spf_record.is_name(name)


# --- silence and noise for all checks


def test_silence_is_temporary_and_ends(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.05)
    raw = signed(mail())
    for _ in range(20):
        raw = signed(raw)
    said = verdict(raw, zone=Silence())
    assert {each.result for each in said.evidence} == {"temperror"}
    assert said.policy == ""


def test_all_of_it_has_one_deadline(monkeypatch):
    monkeypatch.setattr(checks, "SECONDS", 0.2)
    said = verdict(signed(mail()), zone=Silence())
    assert {each.method: each.result for each in said.evidence} == {
        "iprev": "temperror",
        "spf": "temperror",
        "dkim": "temperror",
        "dmarc": "temperror",
    }
    assert said.policy == ""


def test_when_nobody_answers_at_all_nobody_waits_long(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.02)
    monkeypatch.setattr(asking, "_BRIEF", 0.01)
    for _ in range(3):
        verdict(signed(mail()), zone=Silence())
    assert asking._line.patience == 0.01
    verdict(signed(mail()))  # somebody does
    assert asking._line.patience == 0.02


@pytest.mark.parametrize(
    "text", ["", "v=spf1 +all", "v=DMARC1; p=reject", "v=DKIM1; p=AAAA", "x" * 60_000, "v=DKIM1; " * 7000]
)
@pytest.mark.parametrize("values", [1, 60])
def test_whatever_every_name_says_the_checks_end(text, values):
    resolver = Endless(text, values)
    began = time.process_time()
    said = verdict(signed(mail()), zone=resolver)
    assert said.evidence
    assert resolver.asked <= asking.MOST_QUESTIONS
    assert time.process_time() - began < 5


def test_one_message_asks_only_so_much():
    async def ask():
        questions = Asking(Endless("x"))
        for number in range(asking.MOST_QUESTIONS):
            await questions.txt(f"{number}.test")
        await questions.txt("1.TEST.")  # known already
        with pytest.raises(Temporary):
            await questions.txt("another.test")

    asyncio.run(ask())


def test_what_several_checks_want_to_know_is_asked_once():
    resolver = FakeResolver(ZONE)
    verdict(signed(signed(mail()), selector="s2", key=ED25519), zone=resolver)
    assert len(resolver.asked) == len(set(resolver.asked))


def test_an_address_with_a_name_that_is_not_its_own():
    def found(zone, ip="192.0.2.1"):
        return asyncio.run(iprev.check(Asking(FakeResolver(zone)), ip))

    assert found({}).result == "permerror"
    assert found({"192.0.2.1": {"PTR": []}}).result == "fail"
    assert found({"192.0.2.1": {"PTR": ["mx.a.test"]}}).result == "fail"
    assert found({"192.0.2.1": {"PTR": ["mx.a.test"]}, "mx.a.test": Temporary("x")}).result == "temperror"
    assert found({"192.0.2.1": Temporary("x")}).result == "temperror"
    assert found(ZONE).result == "pass"
    assert found({"2001:db8::1": {"PTR": ["mx.a.test"]}} | ZONE, "2001:db8::1") == iprev.Iprev(
        "pass", "mx.a.test"
    )
    assert found(Endless_zone()).result == "fail"


def Endless_zone():
    """Fifty names, of which only the first ones are looked at."""
    zone = {"192.0.2.1": {"PTR": [f"{number}.a.test" for number in range(50)]}}
    return zone | {"40.a.test": {"A": ["192.0.2.1"]}}


# --- the same over a socket

REAL = {
    "a.test": {"TXT": ['"v=spf1 include:loop.test include:silent.test -all"']},
    "loop.test": {"CNAME": ["loop2.test."]},
    "loop2.test": {"CNAME": ["loop.test."]},
    "silent.test": SILENT,
    "broken.test": BROKEN,
    "huge.test": {"TXT": [" ".join(f'"{"x" * 250}"' for _ in range(200))]},
    "many.test": {"TXT": [f'"{number:0>200}"' for number in range(280)]},
    "spf.test": {"TXT": ['"v=spf1 redirect=huge.test"']},
}


def test_a_real_server_that_misbehaves(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 1.0)
    with serving(REAL) as server:
        resolver = Dns([(server.host, server.port)])
        results = {
            name: evaluated(resolver, sender=f"ann@{name}")[0].result
            for name in (
                "a.test",
                "loop.test",
                "silent.test",
                "broken.test",
                "huge.test",
                "many.test",
                "spf.test",
            )
        }
    assert results["silent.test"] == results["broken.test"] == "temperror"
    assert results["loop.test"] in {"none", "temperror"}
    assert results["a.test"] in {"permerror", "temperror"}
    assert results["huge.test"] == results["many.test"] == "none"
    assert results["spf.test"] == "permerror"
