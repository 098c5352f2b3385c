"""Messages of a.test as its own server sends them, and the DNS that goes with them."""

import asyncio

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from mta.message.dkim import public_record, sign
from mta.trust import checks
from mta.trust.checks import Letter
from tests.fake_resolver import FakeResolver

NOW = 1_795_402_980
RSA = generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.generate()
HOST = "mail.example.test"

ZONE = {
    "a.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "MX": [(10, "mx.a.test")]},
    "mx.a.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "192.0.2.1": {"PTR": ["mx.a.test"]},
    "s1._domainkey.a.test": {"TXT": [public_record(RSA)]},
    "s2._domainkey.a.test": {"TXT": [public_record(ED25519)]},
    "_dmarc.a.test": {"TXT": ["v=DMARC1; p=reject"]},
}


def mail(*, sender="Ann <ann@a.test>", body=b"Hello there.\r\n", more=b"", froms=None):
    lines = froms if froms is not None else f"From: {sender}\r\n".encode()
    return (
        lines
        + b"To: ben@b.test\r\nSubject: Monday\r\nDate: Mon, 23 Nov 2026 04:03:00 +0000\r\n"
        + b"Message-ID: <1@a.test>\r\n"
        + more
        + b"\r\n"
        + body
    )


def signed(raw, *, domain="a.test", selector="s1", key=RSA):
    return sign(raw, domain=domain, selector=selector, key=key, when=NOW) + raw


async def _run(function, *args):
    return function(*args)


def verdict(raw, *, zone=ZONE, ip="192.0.2.1", sender="ann@a.test", helo="mx.a.test", trusted=(), at=NOW):
    letter = Letter(
        raw, ip, helo, sender, utf8=False, hostname=HOST, at=at * 1_000_000, trusted_sealers=tuple(trusted)
    )
    resolver = zone if hasattr(zone, "txt") else FakeResolver(zone)
    return asyncio.run(checks.check(letter, resolver=resolver, run=_run))


def found(raw, **more):
    """{method: result} of the first evidence by each method."""
    evidence = verdict(raw, **more).evidence
    return {each.method: each.result for each in reversed(evidence)}
