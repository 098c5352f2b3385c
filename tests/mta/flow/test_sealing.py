"""What arrives is looked at before it is taken, and what leaves again says so: the seal, the sender, the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mta import directory, resolver
from mta.directory import InboundPolicy, RemoteTarget, SigningKey
from mta.flow import placement, sealing, verify
from mta.flow.passage import Arrival
from mta.message.dkim import public_record
from mta.message.headers import parse_header, split_message
from mta.trust import arc, checks
from mta.trust.asking import Asking
from mta.trust.signatures import Body
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from tests.fake_directory import FakeDirectory
from tests.fake_resolver import FakeResolver
from tests.mta.trust.letters import ED25519, HOST, NOW, RSA, ZONE, mail, signed

AT = NOW * 1_000_000
PEM = {
    name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, key in (("s1", ED25519), ("s2", RSA))
}
ALL = ZONE | {
    "s1._domainkey.b.test": {"TXT": [public_record(ED25519)]},
    "s2._domainkey.b.test": {"TXT": [public_record(RSA)]},
}


@pytest.fixture
def people() -> Iterator[FakeDirectory]:
    keys = [SigningKey("b.test", name, pem) for name, pem in PEM.items()]
    made = FakeDirectory({"ben@b.test": 1}, keys=keys)
    with directory.use(made), resolver.use(FakeResolver(ALL)):
        yield made


async def here(function, *arguments):
    return function(*arguments)


def arrived(raw: bytes, *, sender: str = "ann@a.test", ip: str = "192.0.2.1") -> Verdict:
    arrival = Arrival(
        raw=raw, sender=sender, recipients=(), client_name="mx.a.test", ip=ip, hostname=HOST, protocol="ESMTP"
    )
    return asyncio.run(verify.verify(arrival, run=here))


def chain_of(raw: bytes) -> arc.Arc:
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])

    async def judge() -> arc.Arc:
        found = await arc.chain(Asking(FakeResolver(ALL)), fields)
        return arc.verify(found, fields, Body(raw, body_start))

    return asyncio.run(judge())


def test_a_forwarded_message_carries_what_was_found_here(people: FakeDirectory) -> None:
    raw = signed(mail())
    seal = sealing.onward(raw, arrived(raw), domain="b.test", at=AT)
    found = chain_of(seal + b"Received: from here\r\n" + raw)
    assert (found.result, found.sets[0].domain, found.sets[0].of("dmarc")) == ("pass", "b.test", "pass")
    assert b"s=s2" in seal  # RSA rather than Ed25519, which not every host can check


def test_what_is_changed_after_the_seal_is_not_vouched_for(people: FakeDirectory) -> None:
    raw = signed(mail())
    raw = sealing.onward(raw, arrived(raw), domain="b.test", at=AT) + raw
    for changed in (
        raw.replace(b"Subject: Monday", b"Subject: [list] Monday"),
        raw.replace(b"\nDKIM-Signature", b"\nX-Was-Signature"),  # the seal covers the signature, too
        raw + b"-- \r\nthe list\r\n",
    ):
        said = arrived(changed, sender="list@c.test", ip="198.51.100.7")
        assert (said.of("arc").result, said.policy) == ("fail", "reject")
    same = arrived(raw, sender="list@c.test", ip="198.51.100.7")
    assert (same.of("arc").result, same.of("dmarc").result) == ("pass", "pass")


@pytest.mark.parametrize("trusted", [(), ("b.test",), ("other.test",)])
def test_a_trusted_seal_softens_what_dmarc_asks_for(
    people: FakeDirectory, settings, trusted: tuple[str, ...]
) -> None:
    settings.ARC_TRUSTED = trusted
    raw = mail()  # unsigned: only the server speaks for it, and the forwarder's is another
    raw = sealing.onward(raw, arrived(raw), domain="b.test", at=AT) + raw
    said = arrived(raw, ip="198.51.100.7", sender="SRS0=x@b.test")
    assert (said.of("dmarc").result, said.of("arc").result) == ("fail", "pass")
    assert said.policy == ("" if trusted == ("b.test",) else "reject")
    assert ("trusted here" in said.of("dmarc").reason) == (trusted == ("b.test",))


def test_nothing_is_sealed_that_was_not_looked_at_or_by_whom_nobody_knows(people: FakeDirectory) -> None:
    raw = signed(mail())
    assert sealing.onward(raw, NOTHING_KNOWN, domain="b.test", at=AT) == b""
    people.keys.clear()
    assert sealing.onward(raw, arrived(raw), domain="b.test", at=AT) == b""


def test_the_sender_of_what_is_passed_on_leads_back(people: FakeDirectory) -> None:
    made = sealing.sender("ann@a.test", domain="b.test", at=AT)
    assert made.endswith("@b.test") and made.startswith("SRS0=")
    back = sealing.back(made, mail_from="", at=AT)
    assert back is not None and back.targets == (RemoteTarget("ann@a.test"),)
    assert sealing.back(made, mail_from="eve@evil.test", at=AT) is None  # bounces only
    assert sealing.back(made.replace("ann", "eve"), mail_from="", at=AT) is None
    assert sealing.back(made.replace("@b.test", "@elsewhere.test"), mail_from="", at=AT) is None
    assert sealing.back("ben@b.test", mail_from="", at=AT) is None
    assert sealing.sender("", domain="b.test", at=AT) == ""
    assert sealing.sender("ben@b.test", domain="b.test", at=AT) == "ben@b.test"


def test_a_check_that_breaks_keeps_no_mail_out(
    people: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object, **_more: object) -> Verdict:
        raise RuntimeError("a bug")

    monkeypatch.setattr(checks, "check", broken)
    assert arrived(signed(mail())).policy == ""


def test_a_forged_message_with_two_authors_names_the_one_that_disowns_it(people: FakeDirectory) -> None:
    raw = mail(froms=b"From: eve@evil.example, ann@a.test\r\n")
    said = arrived(raw, sender="eve@evil.example", ip="203.0.113.9")
    refused = placement.decide(said, address="ben@b.test", policy=InboundPolicy())
    assert isinstance(refused, placement.Refusal)
    assert refused.reason == "It says that it is from a.test, and a.test says that such mail is not its own"
