"""Manners at the door and in an SMTP conversation: who may come in, how fast, how often wrong, and how politely.

`Manners` is the house's: the policy (LIMIT_*), the ledger that all processes share, the networks that are exempt.
`Manners.enter` is asked by the listener before anybody of any protocol is let in; `Manners.visit` makes the `Visit`
of one SMTP connection, whose questions are answered with a `Judgement`: how long to wait, what to say, whether that
is the end. Nothing here waits, reads or writes but `greet` and `pause`: a judgement is a function of what happened.

Networks of LIMITS_EXEMPT are free of what is counted per address and of every delay, never of limits on errors,
commands, size and time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mta import metrics
from mta.limits import service as limits
from mta.limits.ledger import Lease, Ledger
from mta.limits.policy import Policy
from mta.limits.rates import Rate
from mta.serve import statuses
from mta.serve.hello import judge_hello
from mta.serve.peers import Network, address_of, is_in, network_of
from mta.serve.statuses import Reply
from mta.trust.verdict import Evidence

log = logging.getLogger(__name__)

_TOLD = Rate(3, 60.0)  # log lines about one network; the others are only counted
_MET = Rate(1, 86_400.0)  # whose message was accepted within a day is greeted without a delay
_FIRST_DELAY = 0.5
_SLOW_GRACE = 60.0  # seconds before a message's average speed says anything
# Commands that move nothing (RFC 5321 §7.8 lets a server end a session that only plays).
_IDLE = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "HELO", "EHLO", "LHLO"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """Wait `delay` seconds; then say `reply` instead of what would have been said (None: go on); then end, or not."""

    delay: float = 0.0
    reply: Reply | None = None
    ends: bool = False

    def __bool__(self) -> bool:
        """Whether anything follows from it."""
        return self.delay > 0 or self.reply is not None


GO_ON = Judgement()


class Entry:
    """Somebody who was let in, until `leave()`, which may be called twice."""

    __slots__ = ("_leases", "_leave")

    def __init__(self, leases: Sequence[Lease], leave: Callable[[], None]) -> None:
        self._leases = tuple(leases)
        self._leave: Callable[[], None] | None = leave

    def signed_in(self) -> None:
        """Known now, and counted as the account's: many people may share an address, so it has its place back."""
        leases, self._leases = self._leases, ()
        _release(leases)

    def leave(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            _release(self._leases)
            leave()


class Manners:
    """`ledger`: None means the process's own, whichever it is at that moment."""

    def __init__(
        self,
        policy: Policy,
        *,
        hostname: str,
        exempt: Sequence[Network] = (),
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self.hostname = hostname.lower().rstrip(".")
        self.clock = clock
        self._exempt = tuple(exempt)
        self._ledger = ledger
        self._lines = Ledger(most_keys=10_000)  # what the log was told; nobody else's business
        self.inside = 0

    @property
    def ledger(self) -> Ledger:
        return self._ledger or limits.current()

    def is_exempt(self, ip: str) -> bool:
        return is_in(ip, self._exempt)

    def enter(self, ip: str, protocol: str) -> Entry | None:
        """Let a connection in, or not: then it is counted, and the log has a few lines about it."""
        entry = self._enter(ip, protocol)
        if isinstance(entry, Entry):
            return entry
        metrics.TURNED_AWAY.labels(protocol, entry).inc()
        if self.may_log(f"away:{network_of(ip)}"):
            log.warning("%s: turned %s away (%s)", protocol, ip, _WHY[entry])
        return None

    def _enter(self, ip: str, protocol: str) -> Entry | str:
        policy, ledger = self.policy, self.ledger
        if self.inside >= policy.connections:
            return "full"
        leases: list[Lease] = []
        if not self.is_exempt(ip):
            address, network = address_of(ip), network_of(ip)
            for limit, key, most in (
                ("address", f"open:{address}", policy.connections_per_address),
                ("network", f"open.net:{network}", policy.connections_per_network),
            ):
                lease = ledger.hold(key, most=most)
                if lease is None:
                    _release(leases)
                    return limit
                leases.append(lease)
            for limit, key, rate in (
                ("address rate", f"connect:{address}", policy.connection_rate),
                ("network rate", f"connect.net:{network}", policy.connection_rate_network),
            ):
                if not ledger.hit(key, rate=rate):
                    _release(leases)
                    return limit
        self.inside += 1
        metrics.CONNECTIONS.labels(protocol).inc()
        metrics.OPEN.labels(protocol).inc()
        return Entry(leases, lambda: self._left(protocol))

    def _left(self, protocol: str) -> None:
        self.inside -= 1
        metrics.OPEN.labels(protocol).dec()

    def may_log(self, what: str) -> bool:
        """A few lines a minute about each network; what is not told is counted all the same."""
        return bool(self._lines.hit(what, rate=_TOLD))

    def visit(self, ip: str, *, protocol: str, our_ip: str = "") -> Visit:
        """One SMTP connection; `our_ip` is the address of ours that it came to."""
        return Visit(self, ip, protocol=protocol, our_ip=our_ip)


_WHY = {
    "full": "LIMIT_CONNECTIONS",
    "address": "LIMIT_CONNECTIONS_PER_ADDRESS",
    "network": "LIMIT_CONNECTIONS_PER_NETWORK",
    "address rate": "LIMIT_CONNECTION_RATE",
    "network rate": "LIMIT_CONNECTION_RATE_NETWORK",
}


class Visit:
    """How one SMTP connection behaves. `evidence` is what its greeting says about its mail."""

    def __init__(self, manners: Manners, ip: str, *, protocol: str, our_ip: str) -> None:
        self._manners = manners
        self.policy = manners.policy
        self.ip = ip
        self._our_ip = our_ip
        self._is_outside = protocol == "smtp"  # mail programs say what they like, and LMTP is one of ours
        self._is_exempt = manners.is_exempt(ip) or protocol == "lmtp"
        self._address, self._network = address_of(ip), network_of(ip)
        self._since = manners.clock()
        self.commands = self.idle = self.errors = self.unknown_here = 0
        self.signed_in = False
        self.evidence: tuple[Evidence, ...] = ()

    # --- before the greeting

    @property
    def greeting_delay(self) -> float:
        """RFC 5321 §4.3.1: the client waits for the greeting. Who cannot wait a second has no time for mail."""
        if not self._is_outside or self._is_exempt:
            return 0.0
        if self._ledger.peek(f"met:{self._address}", rate=_MET).used:
            return 0.0
        return self.policy.greeting_delay

    def arrived(self) -> Judgement:
        """At the door of port 25: a network that tried too many names is told to come later."""
        if self._is_outside and self._tries_names():
            return self._limited("unknown recipients", statuses.TRIED_NAMES, ends=True)
        return GO_ON

    def spoke_early(self) -> Judgement:
        return self._limited("early talker", statuses.SPOKE_EARLY, ends=True)

    # --- the conversation

    def hello(self, name: str) -> Judgement:
        """EHLO from outside. What is impossible is refused; what is careless is held against the mail."""
        self.evidence = ()
        if not self._is_outside or self._is_exempt or self.policy.hello == "off":
            return GO_ON
        found, impossible = judge_hello(
            name, ip=self.ip, our_name=self._manners.hostname, our_ip=self._our_ip
        )
        if impossible and self.policy.hello == "strict":
            return self._limited("hello", statuses.NOT_YOUR_NAME)
        self.evidence = (found,)
        return GO_ON

    def command(self, verb: str) -> Judgement:
        """Before each command."""
        self.commands += 1
        if verb in _IDLE:
            self.idle += 1
        if self.commands > self.policy.commands or self.idle > self.policy.idle_commands:
            return self._limited("commands", statuses.TOO_MANY_COMMANDS, ends=True)
        if self._manners.clock() - self._since > self.policy.session_seconds:
            return self._limited("session time", statuses.TOO_LONG, ends=True)
        return GO_ON

    def failed(self) -> Judgement:
        """A command was answered with 5xx: after a few, each answer takes longer; after many, that was it."""
        self.errors += 1
        if self.errors >= self.policy.errors:
            return self._limited("errors", statuses.TOO_MANY_ERRORS, ends=True)
        over = self.errors - self.policy.errors_before_delay
        return self._slowed("errors", _FIRST_DELAY * 2.0 ** min(over - 1, 20)) if over > 0 else GO_ON

    def recipient(self, so_far: int) -> Judgement:
        """Before a recipient is looked up; `so_far` are the message's already."""
        if so_far >= self.policy.recipients:
            return self._limited("recipients", statuses.TOO_MANY_RECIPIENTS)
        if self._is_exempt or self.signed_in:
            return GO_ON
        if self._tries_names():
            return self._limited("unknown recipients", statuses.TRIED_NAMES_HERE)
        if not self._ledger.hit(f"rcpt:{self._address}", rate=self.policy.recipient_rate):
            return self._limited("recipient rate", statuses.TOO_FAST)
        return GO_ON

    def unknown(self) -> Judgement:
        """A recipient that there is not: a list with stale addresses has some, who tries names has many."""
        self.unknown_here += 1
        if self.unknown_here > self.policy.unknown:
            return self._limited("unknown recipients", statuses.TRIED_NAMES, ends=True)
        if self._is_exempt or self.signed_in:
            return GO_ON
        policy = self.policy
        alone = self._ledger.note(f"unknown:{self._address}", rate=policy.unknown_rate)
        together = self._ledger.note(f"unknown.net:{self._network}", rate=policy.unknown_rate_network)
        if self._tries_names():
            return self._limited("unknown recipients", statuses.TRIED_NAMES, ends=True)
        shares = [
            each.used / rate.most
            for each, rate in ((alone, policy.unknown_rate), (together, policy.unknown_rate_network))
            if not rate.is_off
        ]
        share = max(shares, default=0.0)
        if share > 0.5 and not self._is_welcome(alone.used):
            return self._slowed("unknown recipients", (min(share, 1.0) - 0.5) * 2 * policy.longest_delay)
        return GO_ON

    def accepted(self, recipients: int) -> None:
        """A message was stored: the visit has a purpose, and its faults are forgotten."""
        self.errors = self.idle = self.unknown_here = 0
        self._since = self._manners.clock()
        if self._is_exempt or self.signed_in:
            return
        self._ledger.note(f"known:{self._address}", recipients, rate=self.policy.unknown_rate)
        self._ledger.note(f"known.net:{self._network}", recipients, rate=self.policy.unknown_rate_network)
        self._ledger.hit(f"met:{self._address}", rate=_MET)

    def is_too_slow(self, received: int, seconds: float) -> bool:
        """Whether a message comes so slowly that it only keeps the line busy."""
        if seconds < _SLOW_GRACE or received >= self.policy.data_rate * seconds:
            return False
        metrics.LIMITED.labels("data rate").inc()
        return True

    # --- inside

    @property
    def _ledger(self) -> Ledger:
        return self._manners.ledger

    def _tries_names(self) -> bool:
        """More unknown recipients than allowed, and more than known ones: large providers have some of both."""
        if self._is_exempt:
            return False
        for kind, key, rate in (
            ("", self._address, self.policy.unknown_rate),
            (".net", self._network, self.policy.unknown_rate_network),
        ):
            unknown = self._ledger.peek(f"unknown{kind}:{key}", rate=rate)
            if unknown.used <= rate.most:
                continue
            if unknown.used > self._ledger.peek(f"known{kind}:{key}", rate=rate).used:
                return True
        return False

    def _is_welcome(self, unknown: int) -> bool:
        return unknown <= self._ledger.peek(f"known:{self._address}", rate=self.policy.unknown_rate).used

    def _limited(self, limit: str, reply: Reply, *, ends: bool = False) -> Judgement:
        metrics.LIMITED.labels(limit).inc()
        if self._manners.may_log(f"{limit}:{self._network}"):
            log.info("smtp: %s: %s answered %d", self.ip, limit, reply.code)
        return Judgement(reply=reply, ends=ends)

    def _slowed(self, limit: str, delay: float) -> Judgement:
        delay = 0.0 if self._is_exempt else min(delay, self.policy.longest_delay)
        if delay <= 0:
            return GO_ON
        metrics.SLOWED.labels(limit).inc()
        return Judgement(delay=delay)


def _release(leases: Sequence[Lease]) -> None:
    for lease in leases:
        lease.release()


# --- waiting


async def greet(visit: Visit, reader: asyncio.StreamReader, stopping: asyncio.Event) -> Judgement:
    """Wait as long as the greeting waits, and look whether somebody speaks first."""
    judgement = visit.arrived()
    if judgement:
        return judgement
    delay = visit.greeting_delay
    if delay <= 0:
        return GO_ON
    await pause(delay, stopping)
    if reader._buffer:  # type: ignore[attr-defined]
        return visit.spoke_early()
    return GO_ON


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Do nothing for a while, or until the house closes."""
    if seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), seconds)
