"""What the checks of where a message comes from cost: `python -m bench.trust`. Needs no server, no database and no network.

A 20 KB message, signed with RSA-2048, whose sender has SPF with an include and DMARC; the DNS answers from the cache.
CPU time of the thread, so that other work on the machine matters little.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from mta.message.dkim import public_record, sign
from mta.resolver import Dns, Resolver
from mta.sandbox.dns import DnsServer, from_zone
from mta.trust.checks import Letter, check

ROUNDS, MESSAGES = 5, 300
NOW = 1_795_402_980
LINE = b"Line %04d of an ordinary letter with words and a few  spaces, as people write.\r\n"


def main() -> None:
    asyncio.run(_measured())


async def _measured() -> None:
    key = generate_private_key(65537, 2048)
    record = public_record(key)
    zone = {
        "a.test": {"TXT": ['"v=spf1 include:_spf.a.test -all"']},
        "_spf.a.test": {"TXT": ['"v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ip4:192.0.2.0/24 ~all"']},
        "mx.a.test": {"A": ["192.0.2.1"]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["mx.a.test."]},
        "s1._domainkey.a.test": {"TXT": [f'"{record[:200]}" "{record[200:]}"']},
        "_dmarc.a.test": {"TXT": ['"v=DMARC1; p=reject"']},
    }
    server = DnsServer(from_zone(zone))
    await server.start()
    try:
        resolver = Dns([(server.host, server.port)])
        for size in (2_000, 20_000, 200_000):
            head = b"From: ann@a.test\r\nTo: ben@b.test\r\nSubject: Monday\r\nMessage-ID: <1@a.test>\r\n\r\n"
            raw = head + b"".join(LINE % number for number in range(size // len(LINE % 1)))
            raw = sign(raw, domain="a.test", selector="s1", key=key, when=NOW) + raw
            spent = [await _round(raw, resolver) for _ in range(ROUNDS)]
            print(f"{len(raw):>7} bytes: {min(spent):.2f} ms, at worst {max(spent):.2f} ms a message")  # noqa: T201
    finally:
        await server.stop()


async def _round(raw: bytes, resolver: Resolver) -> float:
    letter = Letter(raw, "192.0.2.1", "mx.a.test", "ann@a.test", False, "mail.b.test", NOW * 1_000_000)
    began = time.thread_time()
    for _ in range(MESSAGES):
        verdict = await check(letter, resolver=resolver, run=_here)
    if {each.result for each in verdict.evidence} != {"pass"}:
        raise SystemExit(f"not everything passed: {verdict.evidence}")
    return (time.thread_time() - began) / MESSAGES * 1000


async def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


if __name__ == "__main__":
    main()
