"""DMARC (RFC 9989): whose policy counts, what is aligned, and that no way of writing From gets around it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.dkim import public_record
from mta.message.headers import parse_header
from mta.resolver import Temporary
from mta.trust import dmarc, dmarc_record
from mta.trust.asking import Asking
from mta.trust.dkim_check import Dkim
from mta.trust.dmarc import Author
from mta.trust.spf import Spf
from tests.fake_resolver import FakeResolver
from tests.mta.trust.letters import ED25519, RSA, ZONE, mail, signed, verdict

SPF_NONE = Spf("none", "bounce.other.example")


def records(**more):
    """{name: record} as a zone of _dmarc names; the domains themselves exist."""
    zone = {}
    for name, text in more.items():
        texts = text if isinstance(text, list) else [text]
        zone[f"_dmarc.{name}"] = {"TXT": texts} if not isinstance(text, Temporary) else text
    return zone


def judged(domain, zone, *, spf=SPF_NONE, dkim=(), exists=True):
    zone = dict(zone)
    if exists:
        zone.setdefault(domain, {"A": ["192.0.2.1"]})
    who = Author((domain,), True)
    return asyncio.run(dmarc.check(Asking(FakeResolver(zone)), who, spf=spf, dkim=dkim))


@pytest.mark.parametrize(
    ("domain", "zone", "published", "asked"),
    [
        ("a.test", {"a.test": "v=DMARC1; p=reject"}, "reject", "reject"),
        ("a.test", {"a.test": "v=DMARC1;p=quarantine"}, "quarantine", "quarantine"),
        ("a.test", {"a.test": "v=DMARC1; p=none; sp=reject"}, "none", "none"),
        ("x.a.test", {"a.test": "v=DMARC1; p=reject"}, "reject", "reject"),
        ("x.a.test", {"a.test": "v=DMARC1; p=reject; sp=none"}, "none", "none"),
        ("x.a.test", {"a.test": "v=DMARC1; p=none; sp=quarantine"}, "quarantine", "quarantine"),
        ("x.a.test", {"a.test": "v=DMARC1; p=none; sp=none; np=reject"}, "none", "none"),
        ("x.a.test", {"x.a.test": "v=DMARC1; p=none", "a.test": "v=DMARC1; p=reject"}, "none", "none"),
        ("a.b.c.d.e.f.g.h.i.j.a.test", {"a.test": "v=DMARC1; p=reject"}, "reject", "reject"),
        ("a.test", {"test": "v=DMARC1; p=reject; psd=y"}, "reject", "reject"),
        ("a.test", {"test": "v=DMARC1; p=none; sp=quarantine; psd=y"}, "quarantine", "quarantine"),
        ("x.a.test", {"test": "v=DMARC1; p=none; psd=y", "a.test": "v=DMARC1; p=reject"}, "reject", "reject"),
        (
            "x.y.a.test",
            {"y.a.test": "v=DMARC1; p=none; psd=n", "a.test": "v=DMARC1; p=reject"},
            "none",
            "none",
        ),
        ("a.test", {"a.test": "v=DMARC1; p=reject; t=y"}, "reject", "quarantine"),
        ("a.test", {"a.test": "v=DMARC1; p=quarantine; t=y"}, "quarantine", "none"),
        ("a.test", {"a.test": "v=DMARC1; p=none; t=y"}, "none", "none"),
        ("a.test", {"a.test": "v=DMARC1; p=reject; pct=0; rf=afrf; ri=1"}, "reject", "reject"),
        ("a.test", {"a.test": "v=DMARC1; P=reject; p=REJECT; t=q"}, "reject", "reject"),
        ("a.test", {"a.test": "v=DMARC1; ;nonsense; 1=2; p=reject; p=none"}, "reject", "reject"),
        ("a.test", {"a.test": "v=DMARC1; p=all; rua=mailto:a@a.test"}, "none", "none"),
        ("a.test", {"a.test": "v=DMARC1; rua=mailto:a@a.test"}, "none", "none"),
        ("x.a.test", {"a.test": "v=DMARC1; p=reject; sp=no; rua=mailto:a@a.test"}, "none", "none"),
        ("a.test", {"a.test": ["hello", "v=DMARC1; p=reject", "v=spf1 -all"]}, "reject", "reject"),
    ],
)
def test_whose_policy_counts_and_what_it_asks(domain, zone, published, asked):
    found = judged(domain, records(**zone))
    assert (found.result, found.published, found.asked) == ("fail", published, asked)


@pytest.mark.parametrize(
    "zone",
    [
        {},
        {"a.test": "v=DMARC2; p=reject"},
        {"a.test": "v=dmarc1; p=reject"},
        {"a.test": "p=reject; v=DMARC1"},
        {"a.test": "v=DMARC1 p=reject"},
        {"a.test": "v=DMARC1x; p=reject"},
        {"a.test": "v=DMARC1; p=all"},
        {"a.test": "v=DMARC1; rua=nowhere"},
        {"a.test": ["v=DMARC1; p=reject", "v=DMARC1; p=reject"]},
        {"b.a.test": "v=DMARC1; p=reject"},
        {"test": "v=DMARC1; p=reject"},
    ],
)
def test_where_nothing_is_asked_nothing_fails(zone):
    found = judged("a.test", records(**zone))
    assert (found.result, found.published, found.asked) == ("none", "", "")


def test_a_name_that_does_not_exist_has_a_policy_of_its_own():
    zone = records(**{"a.test": "v=DMARC1; p=none; sp=quarantine; np=reject"})
    assert judged("x.a.test", zone, exists=False).asked == "reject"
    assert judged("x.a.test", zone).asked == "quarantine"
    zone["x.a.test"] = Temporary("no answer")
    assert judged("x.a.test", zone).asked == "quarantine"


ORG = {"a.test": "v=DMARC1; p=reject"}


@pytest.mark.parametrize(
    ("domain", "signer", "zone", "result"),
    [
        ("a.test", "a.test", ORG, "pass"),
        ("a.test", "mail.a.test", ORG, "pass"),
        ("mail.a.test", "a.test", ORG, "pass"),
        ("x.a.test", "y.a.test", ORG, "pass"),
        ("x.y.z.a.test", "q.r.a.test", ORG, "pass"),
        ("a.test", "b.test", ORG, "fail"),
        ("a.test", "nota.test", ORG, "fail"),
        ("a.test", "test", ORG, "fail"),
        ("a.test", "a.test.evil.example", ORG, "fail"),
        ("a.test", "mail.a.test", {"a.test": "v=DMARC1; p=reject; adkim=s"}, "fail"),
        ("a.test", "a.test", {"a.test": "v=DMARC1; p=reject; adkim=s"}, "pass"),
        ("a.test", "mail.a.test", {"a.test": "v=DMARC1; p=reject; aspf=s"}, "pass"),
        # a part of the organization that says it is one of its own
        ("a.test", "x.a.test", ORG | {"x.a.test": "v=DMARC1; p=none; psd=n"}, "fail"),
        ("x.a.test", "a.test", ORG | {"x.a.test": "v=DMARC1; p=reject; psd=n"}, "fail"),
        # tenants of a public suffix are strangers to each other
        ("one.co.test", "two.co.test", {"co.test": "v=DMARC1; p=reject; psd=y"}, "fail"),
        ("one.co.test", "x.one.co.test", {"co.test": "v=DMARC1; p=reject; psd=y"}, "pass"),
        # whose record does not say so is taken for one organization (§4.10.2)
        ("one.co.test", "two.co.test", {"co.test": "v=DMARC1; p=reject"}, "pass"),
        # but never a whole top-level domain
        ("one.test", "two.test", {"test": "v=DMARC1; p=reject", "one.test": "v=DMARC1; p=reject"}, "fail"),
    ],
)
def test_who_may_sign_for_whom(domain, signer, zone, result):
    found = judged(domain, records(**zone), dkim=[Dkim("pass", "other.example"), Dkim("pass", signer)])
    assert found.result == result


@pytest.mark.parametrize(
    ("sender", "zone", "result"),
    [
        (Spf("pass", "a.test"), ORG, "pass"),
        (Spf("pass", "A.Test"), ORG, "pass"),
        (Spf("pass", "bounces.a.test"), ORG, "pass"),
        (Spf("pass", "bounces.a.test"), {"a.test": "v=DMARC1; p=reject; aspf=s"}, "fail"),
        (Spf("pass", "a.test", "helo"), ORG, "pass"),
        (Spf("pass", "b.test"), ORG, "fail"),
        (Spf("softfail", "a.test"), ORG, "fail"),
        (Spf("neutral", "a.test"), ORG, "fail"),
        (Spf("permerror", "a.test"), ORG, "fail"),
        (Spf("pass", "[192.0.2.1]"), ORG, "fail"),
        (Spf("pass", ""), ORG, "fail"),
    ],
)
def test_who_may_send_for_whom(sender, zone, result):
    assert judged("a.test", records(**zone), spf=sender).result == result


def test_what_could_not_be_asked_for_fails_nothing():
    assert judged("a.test", records(**ORG), spf=Spf("temperror", "a.test")).result == "temperror"
    assert judged("a.test", records(**ORG), dkim=[Dkim("temperror", "a.test")]).result == "temperror"
    assert judged("a.test", records(**{"a.test": Temporary("x")})).result == "temperror"
    zone = records(**ORG) | {"_dmarc.x.a.test": Temporary("x")}
    assert judged("a.test", zone, dkim=[Dkim("pass", "x.a.test")]).result == "temperror"


def test_a_strangers_trouble_does_not_soften_a_policy():
    found = judged(
        "a.test", records(**ORG), spf=Spf("temperror", "evil.example"), dkim=[Dkim("temperror", "b.test")]
    )
    assert (found.result, found.asked) == ("fail", "reject")
    assert (
        judged("a.test", records(**ORG), spf=Spf("temperror", "b.test"), dkim=[Dkim("pass", "a.test")]).result
        == "pass"
    )


def test_a_walk_asks_eight_times_at_most():
    long = ".".join("abcdefghijklmnop") + ".a.test"
    names = dmarc_record.steps(long)
    assert len(names) == 8
    assert names[0] == long and names[1] == "l.m.n.o.p.a.test" and names[-1] == "test"
    assert dmarc_record.steps("a.b.c.d.e.f.g") == tuple(
        "abcdefg"[at:].replace("", ".")[1:-1] for at in range(7)
    )
    assert dmarc_record.steps("test") == ("test",)


# --- From in all its forms

SPOOF = ZONE | {
    "evil.example": {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]},
    "s1._domainkey.evil.example": {"TXT": [public_record(RSA)]},
    "_dmarc.evil.example": {"TXT": ["v=DMARC1; p=none"]},
}


def sent_by_evil(froms):
    """What comes from evil.example's own host, with its good signature and its good envelope."""
    raw = signed(mail(froms=froms), domain="evil.example")
    return verdict(raw, zone=SPOOF, ip="203.0.113.9", sender="eve@evil.example", helo="evil.example")


@pytest.mark.parametrize(
    "froms",
    [
        b"From: ann@a.test\r\n",
        b"From: Ann <ann@a.test>\r\n",
        b"From: <ann@A.Test>\r\n",
        b"From : ann@a.test\r\n",
        b"From:\r\n ann@a.test\r\n",
        b"fRoM: ann@a.test\r\n",
        b"From: ann@sub.a.test\r\n",
        b"From: ann@a.test.\r\n",
        b'From: "eve@evil.example" <ann@a.test>\r\n',
        b"From: eve@evil.example <ann@a.test>\r\n",
        b"From: (eve@evil.example) ann@a.test\r\n",
        b"From: ann@a.test (eve@evil.example)\r\n",
        b"From: ann@(eve@evil.example)a.test\r\n",
        b"From: ann(<eve@evil.example>)@a.test\r\n",
        b"From: <@evil.example:ann@a.test>\r\n",
        b"From: <@evil.example,@other.example:ann@a.test>\r\n",
        b"From: <ann@a.test>, <eve@evil.example>\r\n",
        b"From: <eve@evil.example>, <ann@a.test>\r\n",
        b"From: eve@evil.example,ann@a.test\r\n",
        b"From: eve@evil.example\r\nFrom: ann@a.test\r\n",
        b"From: ann@a.test\r\nFrom: eve@evil.example\r\n",
        b"From: eve@evil.example\r\nfrom : ann@a.test\r\n",
        b"From: <ann@a.test><eve@evil.example>\r\n",
        b"From: <eve@evil.example><ann@a.test>\r\n",
        b"From: <ann@a.test> eve@evil.example\r\n",
        b"From: eve@evil.example <ann@a.test\r\n",
        b"From: friends: ann@a.test;\r\n",
        b"From: friends: eve@evil.example; <ann@a.test>\r\n",
        b"From: friends: eve@evil.example, ann@a.test;\r\n",
        b'From: "ann"@a.test\r\n',
        b'From: <"ann@evil.example"@a.test>\r\n',
        b'From: "a@evil.example>" <ann@a.test>\r\n',
        b"From: ann@a.test\x00@evil.example\r\n",
        b"From: <ann@a.test\x00.evil.example>\r\n",
        b"From: <eve@evil.example\\>, <ann@a.test>\r\n",
        b"From: ann@a.test;eve@evil.example\r\n",
        b"From: <ann@@a.test>\r\n",
        b"From: =?utf-8?q?Ann?= <ann@a.test>\r\n",
        b"From: =?utf-8?q?Ann_=3Ceve=40evil.example=3E?= <ann@a.test>\r\n",
    ],
)
def test_no_way_of_writing_from_gets_around_a_policy(froms):
    said = sent_by_evil(froms)
    assert said.policy == "reject", (said.author, said.of("dmarc"))
    assert said.of("dmarc").domain.endswith("a.test")
    assert said.of("dmarc").result in {"fail", "permerror"}


@pytest.mark.parametrize(
    "froms",
    [
        b"",
        b"From:\r\n",
        b"From: \r\n",
        b"From: nobody\r\n",
        b"From: undisclosed-recipients:;\r\n",
        b"From: <>\r\n",
        b" From: eve@evil.example\r\n",
        b"From: =?utf-8?q?ann=40a.test?=\r\n",
        b"From: eve@[203.0.113.9]\r\n",
        b"From: eve@localhost\r\n",
        b"From: " + b"a@b.example, " * 3000 + b"ann@a.test\r\n",
        b"Sender: ann@a.test\r\n",
    ],
)
def test_without_a_certain_author_nothing_passes(froms):
    said = sent_by_evil(froms)
    assert said.author == ""
    assert said.of("dmarc").result == "permerror"
    assert said.of("dmarc").score >= 3


def test_evil_may_write_in_its_own_name():
    said = sent_by_evil(b"From: eve@evil.example\r\n")
    assert (said.author, said.of("dmarc").result, said.policy) == ("evil.example", "pass", "")


def test_several_people_of_one_domain_are_one_author():
    said = verdict(signed(mail(sender="Ann <ann@a.test>, Ben <ben@a.test>")))
    assert (said.author, said.of("dmarc").result) == ("a.test", "pass")


def test_a_domain_in_another_script_is_looked_up_in_its_ascii_form():
    zone = ZONE | {
        "xn--bcher-kva.test": {"TXT": ["v=spf1 -all"]},
        "s1._domainkey.xn--bcher-kva.test": {"TXT": [public_record(ED25519)]},
        "_dmarc.xn--bcher-kva.test": {"TXT": ["v=DMARC1; p=reject"]},
    }
    raw = signed(mail(sender="Ann <ann@bücher.test>"), domain="xn--bcher-kva.test", key=ED25519)
    said = verdict(raw, zone=zone, sender="ann@bücher.test")
    assert (said.author, said.of("dmarc").result, said.of("spf").result) == (
        "xn--bcher-kva.test",
        "pass",
        "fail",
    )
    assert said.of("dmarc").reason == "The message really comes from bücher.test."


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(" ;=vDMARC1psdnrejquatino:") | st.characters(), max_size=200))
def test_no_text_upsets_the_reading_of_a_record(text):
    for value in (text, f"v=DMARC1; {text}", f"v=DMARC1; p=reject; {text}"):
        dmarc_record.is_dmarc(value)
        record = dmarc_record.parse(value)
        assert record.policy in {None, "none", "quarantine", "reject"}
        assert record.suffix in {"u", "y", "n"}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=120), max_size=3))
def test_no_from_upsets_the_reading_of_authors(values):
    header = b"".join(b"From: " + value.replace(b"\n", b" ") + b"\r\n" for value in values)
    who = dmarc.author(parse_header(header))
    assert who.certain == (len(who.domains) == 1 and not who.reason)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "co", "test", "x"]), min_size=1, max_size=9),
    st.dictionaries(st.integers(0, 8), st.sampled_from(["u", "y", "n"]), max_size=4),
)
def test_an_organization_is_the_name_itself_or_one_above_it(labels, marks):
    domain = ".".join(labels)
    names = dmarc_record.steps(domain)
    found = []
    for place in sorted(marks):
        if place < len(names):
            found.append((names[place], dmarc_record.Record(suffix=marks[place])))
            if marks[place] != "u":
                break
    organization = dmarc_record.organization(domain, tuple(found))
    assert domain == organization or domain.endswith("." + organization)
