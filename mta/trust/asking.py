"""The DNS as one message's checks may use it: each question once, few of them, none for long.

Whoever sends mail chooses the names that are asked for it, and often runs the server that answers. So a question waits
a few seconds at most, a message may ask so many, and what one check was told the others are told, too. Time-outs are
`Temporary`, never a "no". While nothing at all is answered (the network is down), questions wait only briefly: mail
must still come in. Called by the checks of this package; asks `mta.resolver`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mta.resolver import Answer, Mx, Resolver, Temporary

T = TypeVar("T")

MOST_QUESTIONS = 150  # of one message: SPF's worst honest case is about 110 (RFC 7208 §4.6.4)
PATIENCE = 5.0  # seconds for one question
_BRIEF = 0.5
_DEAF = 8  # so many time-outs in a row, and nobody is there
_DEAF_SECONDS = 20.0


class _Line:
    """Whether anybody answers at all; one for the process."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._until = 0.0

    @property
    def patience(self) -> float:
        return _BRIEF if time.monotonic() < self._until else PATIENCE

    def answered(self) -> None:
        self._in_vain = 0
        self._until = 0.0

    def silent(self) -> None:
        self._in_vain += 1
        if self._in_vain >= _DEAF:
            self._until = time.monotonic() + _DEAF_SECONDS


_line = _Line()


class Asking:
    """One message's questions. Names are A-labels; the answers are `mta.resolver`'s."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: Callable[[str, str], Answer[Any] | None] = getattr(resolver, "known", _nothing)
        self._asked: dict[tuple[str, str], asyncio.Future[Any]] = {}

    async def txt(self, name: str) -> Answer[str]:
        return await self._once("TXT", name, self._resolver.txt)

    async def mx(self, domain: str) -> Answer[Mx]:
        return await self._once("MX", domain, self._resolver.mx)

    async def ptr(self, address: str) -> Answer[str]:
        return await self._once("PTR", address, self._resolver.ptr)

    async def addresses(self, host: str, *, family: int) -> Answer[str]:
        """`family`: 4 or 6."""
        kind = "A" if family == 4 else "AAAA"
        return await self._once(kind, host, lambda name: self._resolver.addresses(name, family=family))

    async def _once(self, kind: str, name: str, ask: Callable[[str], Awaitable[Answer[T]]]) -> Answer[T]:
        name = name.lower().rstrip(".")
        key = (kind, name)
        known = self._asked.get(key)
        if known is None:
            kept: Answer[T] | None = self._known(kind, name)
            if kept is not None:  # the way of nearly all mail: its sender wrote before
                return kept
            if len(self._asked) >= MOST_QUESTIONS:
                raise Temporary(f"{name}: too many questions for one message")
            known = self._asked[key] = asyncio.ensure_future(_patiently(ask, name))
        # One check may give up (its time is over) while another still waits for the same answer.
        answer: Answer[T] = known.result() if known.done() else await asyncio.shield(known)
        return answer

    def hang_up(self) -> None:
        """Nobody waits any more: end what is still being asked."""
        for question in self._asked.values():
            if question.done():
                question.cancelled() or question.exception()  # looked at: asyncio need not complain
            else:
                question.cancel()


def _nothing(kind: str, name: str) -> None:
    """What a resolver knows that keeps nothing."""
    return


async def _patiently(ask: Callable[[str], Awaitable[Answer[T]]], name: str) -> Answer[T]:
    try:
        async with asyncio.timeout(_line.patience):
            answer = await ask(name)
    except TimeoutError:
        _line.silent()
        raise Temporary(f"{name}: no DNS server answered in time") from None
    _line.answered()
    return answer
