"""All checks of where a message comes from, and one verdict with a plain sentence for each.

iprev, SPF, DKIM and ARC ask at the same time, DMARC judges what SPF and DKIM found. Fifteen seconds for all: what is
not known then is a temperror, and a temperror is never a fail. Waits only for the DNS; what takes the processor's time
for a large message goes to a thread (`run`). Called by `mta.flow.verify`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mta.message.headers import Field, parse_header, split_arrived
from mta.resolver import Resolver
from mta.trust import arc, dkim_check, dmarc, iprev, results, sentences, spf
from mta.trust.arc import Arc
from mta.trust.asking import Asking
from mta.trust.dkim_check import Dkim
from mta.trust.iprev import Iprev
from mta.trust.results import Result
from mta.trust.sentences import Found
from mta.trust.signatures import Body
from mta.trust.spf import Spf
from mta.trust.verdict import Verdict

SECONDS = 15.0
_INLINE = 64 * 1024  # bytes of a message that a thread would not be worth its while for

T = TypeVar("T")
Run = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it came, with what is known of its way. `hostname`: our own name; `at` in microseconds."""

    raw: bytes
    ip: str
    helo: str
    sender: str
    utf8: bool
    hostname: str
    at: int
    trusted_sealers: tuple[str, ...] = ()


async def check(letter: Letter, *, resolver: Resolver, run: Run) -> Verdict:
    """The verdict; never raises for anything that a message or the DNS says."""
    asking = Asking(resolver)
    try:
        fields, who, body = await _parted(letter, run)
        found = await _found(letter, asking, fields, body, who, run)
    finally:
        asking.hang_up()
    host = letter.hostname
    verdict = sentences.verdict(found, who, sealer=arc.trusted(found.arc, letter.trusted_sealers))
    written = results.field(host, _results(letter, found))
    return Verdict(verdict.evidence, verdict.author, verdict.policy, verdict.published, results=written)


async def _parted(letter: Letter, run: Run) -> tuple[tuple[Field, ...], dmarc.Author, Body]:
    def part() -> tuple[tuple[Field, ...], dmarc.Author, Body]:
        header_end, body_start = split_arrived(letter.raw)
        header = letter.raw[:header_end]
        return parse_header(header), dmarc.author(dmarc.froms(header)), Body(letter.raw, body_start)

    return part() if len(letter.raw) <= _INLINE else await run(part)


async def _found(
    letter: Letter, asking: Asking, fields: Sequence[Field], body: Body, who: dmarc.Author, run: Run
) -> Found:
    until = asyncio.get_running_loop().time() + SECONDS
    name = asyncio.ensure_future(iprev.check(asking, letter.ip))
    sent = asyncio.ensure_future(
        spf.check(asking, ip=letter.ip, sender=letter.sender, helo=letter.helo, receiver=letter.hostname)
    )
    ahead = asyncio.ensure_future(dmarc.prefetch(asking, who))
    signed = asyncio.ensure_future(_signed(letter, asking, fields, body, run))
    await _until(until, name, sent, ahead, signed)
    found_spf = _result(
        sent, Spf(spf.TEMPERROR, letter.sender.rpartition("@")[2], reason="no answer in time")
    )
    found_dkim, found_arc = _result(
        signed, (dkim_check.late(fields, at=letter.at // 1_000_000), Arc(_temperror(fields)))
    )
    # What it needs was asked for ahead; half a second is for a busy machine to put it together.
    judged = asyncio.ensure_future(
        dmarc.check(asking, who, spf=found_spf, dkim=found_dkim, until=until + 0.5)
    )
    await _until(until + 1.0, judged)
    return Found(
        iprev=_result(name, Iprev(iprev.TEMPERROR)),
        spf=found_spf,
        dkim=found_dkim,
        arc=found_arc,
        dmarc=_result(judged, dmarc.late(who)),
    )


async def _signed(
    letter: Letter, asking: Asking, fields: Sequence[Field], body: Body, run: Run
) -> tuple[tuple[Dkim, ...], Arc]:
    judged, chain = await asyncio.gather(
        dkim_check.keys(asking, fields, at=letter.at // 1_000_000), arc.chain(asking, fields)
    )

    def verify() -> tuple[tuple[Dkim, ...], Arc]:
        return dkim_check.verify(judged, fields, body), arc.verify(chain, fields, body)

    return verify() if len(letter.raw) <= _INLINE else await run(verify)


async def _until(until: float, *tasks: asyncio.Future[Any]) -> None:
    """Wait for them, but not longer; what is not done then is ended."""
    left = until - asyncio.get_running_loop().time()
    _done, late = await asyncio.wait(tasks, timeout=max(0.0, left))
    for task in late:
        task.cancel()


def _result(task: asyncio.Future[T], otherwise: T) -> T:
    return task.result() if task.done() and not task.cancelled() else otherwise


def _temperror(fields: Sequence[Field]) -> str:
    return arc.TEMPERROR if any(field.name in arc.NAMES for field in fields) else arc.NONE


def _results(letter: Letter, found: Found) -> list[Result]:
    """As Authentication-Results has them (RFC 8601 §2.7)."""
    name = found.iprev.name if found.iprev.result == iprev.PASS else ""
    who = letter.sender if letter.sender else f"postmaster@{letter.helo}"
    identity = "mailfrom" if found.spf.identity == "mailfrom" else "helo"
    said = [
        Result("iprev", found.iprev.result, (("policy", "iprev", letter.ip),), name),
        Result(
            "spf",
            found.spf.result,
            (("smtp", identity, who if letter.sender else letter.helo),),
            found.spf.reason,
        ),
    ]
    if not found.dkim:
        said.append(Result("dkim", "none"))
    for each in found.dkim:
        properties = (
            ("header", "d", each.domain),
            ("header", "s", each.selector),
            ("header", "a", each.algorithm),
            ("header", "b", each.value),
        )
        said.append(Result("dkim", each.result, properties, each.reason))
    policy = f"p={found.dmarc.published}" if found.dmarc.published else ""
    said.append(Result("dmarc", found.dmarc.result, (("header", "from", found.dmarc.domain),), policy))
    if found.arc.result != arc.NONE:
        said.append(Result("arc", found.arc.result, (), f"i={found.arc.length}"))
    return said
