"""DMARC: whatever a forger puts before the author, or lets us wait for, the verdict is never better than without it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.directory import InboundPolicy
from mta.flow import placement
from mta.message.headers import MAX_FIELDS
from mta.resolver import Temporary
from mta.trust import checks
from mta.values import INBOX, JUNK
from tests.fake_resolver import FakeResolver
from tests.mta.trust.letters import ZONE, mail, verdict

AUTHOR = b"Ann <ann@a.test>"
FOLDED = b"\r\n" + b" " * 70


def forged(raw, *, zone=ZONE, sender="eve@evil.example"):
    return verdict(raw, zone=zone, ip="203.0.113.9", sender=sender, helo="bad.test")


def severity(said):
    """0 for the Inbox, 1 for Junk, 2 for what nobody sees who does not look for it."""
    decided = placement.decide(said, address="ben@b.test", policy=InboundPolicy())
    return {INBOX: 0, JUNK: 1}.get(getattr(decided, "role", ""), 2)


def addresses(count):
    return b"".join(b"x@d%d.example, " % number for number in range(count))


@pytest.mark.parametrize(
    "before",
    [
        FOLDED * 240,
        b"\r\n" + b"\t" * 200_000,
        ("\u3000" * 20_000).encode(),
        b"(" + b"a" * 17_000 + b") ",
        b"".join(FOLDED + b"(a)" for _ in range(400)),
        b'"' + b"a" * 17_000 + b'" ',
        b"a" * 17_000 + b" ",
        addresses(4),
        addresses(7),
        addresses(8),
        addresses(20),
        addresses(499),
        b"x@evil.example, " * 20,
        b"x@evil.example, " * 600,
        b"<x@d1.example, " + b"@d.example," * 30,
        b"x@d0.example, (",
        b"x@d0.example (a \\) ((b) ",
    ],
    ids=lambda each: f"{each[:6]!r}{len(each)}",
)
def test_nothing_in_from_hides_the_author_behind_it(before):
    said = forged(mail(froms=b"From: " + before + AUTHOR + b"\r\n"))
    assert said.policy == "reject", said.of("dmarc")


@pytest.mark.parametrize(
    "before",
    [
        b"X: y\r\n" * (MAX_FIELDS + 100),
        b"X: " + b"y" * 1_100_000 + b"\r\n",
        b"X-Bad line\r\n",
        b"no field at all\r\nX-Bad line\r\n",
        b"From: eve@evil.example\r\n" * 20,
    ],
    ids=["fields", "long", "bad", "none", "froms"],
)
def test_nothing_before_from_hides_it(before):
    said = forged(before + mail(froms=b"From: " + AUTHOR + b"\r\n"))
    assert said.policy == "reject", said.of("dmarc")


def test_who_is_in_the_midst_of_a_crowd_is_held_whoever_it_is():
    for froms in (
        b"From: " + addresses(10) + AUTHOR + b", " + addresses(10) + b"\r\n",
        b"From: " + b"x@evil.example, " * 600 + b"\r\n",
        b"From: eve@evil.example\r\n" * (MAX_FIELDS + 1),
        b"From: <" + b"a" * 300_000 + b"\r\n",
    ):
        said = forged(mail(froms=froms))
        assert said.of("dmarc").score >= InboundPolicy().refuse_at
        assert severity(said) == 2


@pytest.mark.parametrize(
    "froms", [b"", b"From:\r\n", b"From: <ann\r\n", b"From: a@b.example\r\nFrom: c@b.example\r\n"]
)
def test_without_a_sender_it_is_junk(froms):
    assert severity(verdict(mail(froms=froms), sender="ann@a.test")) >= 1


def test_a_name_with_a_comma_is_careless_and_no_more():
    said = verdict(mail(froms=b"From: Miller, Ann <ann@a.test>\r\n"))
    assert (said.author, said.of("dmarc").result, severity(said)) == ("", "permerror", 0)


PAD = st.one_of(
    st.integers(1, 300).map(FOLDED.__mul__),
    st.integers(1, 300).map(lambda many: b"(" + b"c" * 71 * many + b")"),
    st.integers(1, 300).map(lambda many: b'"' + b"q" * 71 * many + b'" '),
    st.integers(1, 40).map(addresses),
    st.sampled_from(
        [b"x@evil.example, ", b"<", b">", b",", b"(", b'"', b"friends: ", b";", b"Eve <e@evil.example> "]
    ),
    st.text(max_size=20).map(lambda text: text.replace("\n", "").replace("\r", "").encode() + b" "),
)
LINES = st.sampled_from(
    [
        b"X-Bad line\r\n",
        b"X: y\r\n" * MAX_FIELDS,
        b"From: eve@evil.example\r\n",
        b"From:\r\n",
        b"Subject: a\r\n b\r\n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=3), st.lists(PAD, max_size=5))
def test_whatever_is_put_before_the_author_the_verdict_is_never_better(lines, pads):
    froms = b"From: " + b"".join(pads) + AUTHOR + b"\r\n"
    said = forged(b"".join(lines) + mail(froms=froms))
    assert said.author in {"", "a.test"}
    assert severity(said) == 2, said.of("dmarc")


# --- what is waited for


@pytest.mark.parametrize("place", ["evil.co.test", "x.evil.co.test", "co.test"])
def test_a_strangers_dead_dns_below_the_same_suffix_excuses_nobody(place):
    zone = ZONE | {"_dmarc.bank.co.test": {"TXT": ["v=DMARC1; p=reject"]}}
    zone |= {place: Temporary("no"), f"_dmarc.{place}": Temporary("no")} if place != "co.test" else {}
    said = forged(mail(sender="Ann <ann@bank.co.test>"), zone=zone, sender=f"x@{place}")
    assert (said.of("dmarc").result, said.policy) == ("fail", "reject")


class Slow(FakeResolver):
    """Never answers for evil.example and what is below it."""

    async def txt(self, name):
        if name.endswith("evil.example"):
            await asyncio.sleep(60)
        return await super().txt(name)


def test_a_sender_whose_dns_is_slow_does_not_leave_the_others_policy_unread(monkeypatch):
    monkeypatch.setattr(checks, "SECONDS", 2.0)  # less than the patience for one question
    said = forged(mail(froms=b"From: eve@evil.example, ann@a.test\r\n"), zone=Slow(ZONE))
    assert (said.of("dmarc").result, said.policy) == ("permerror", "reject")
