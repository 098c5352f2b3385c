"""The words of MAIL and RCPT: a path and its parameters, understood or refused. Pure.

RFC 5321 §4.1.1.2–3 and §4.1.2, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 4954 §5 (AUTH=),
RFC 3461 (RET, ENVID, NOTIFY, ORCPT), RFC 4865 (HOLDFOR, HOLDUNTIL). Called by `serve.smtp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mta.flow.passage import Recipient
from mta.message.address import BadAddress, canonical, parse_path
from mta.queue.values import Wish
from mta.serve import statuses
from mta.serve.statuses import Reply
from mta.values import now_us
from mta.wire import smtp_words
from mta.wire.smtp_words import BadWord

# A path may hold quoted blanks and brackets; without its own brackets it ends at the first blank.
_PATH = re.compile(r"""\s*(?:(<(?:"(?:[^"\\]|\\.)*"|[^<>"])*>)|([^\s<>]+))(?:\s+(.*))?""", re.DOTALL)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=\x00-\x1f\x7f]+))?")
MOST_PARAMETERS = 20


class Refusal(Exception):
    """The client is answered `reply`; nothing changed."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Sender:
    """MAIL FROM. `address` is '' for the null sender; `size` is what the client announced, 0 if nothing.

    `ret` and `envid` are RFC 3461's, the latter in xtext; `hold_until` (µs) is 0 for mail that goes at once.
    """

    address: str
    size: int = 0
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    hold_until: int = 0


@dataclass(frozen=True, slots=True)
class Addressed:
    """RCPT TO: the canonical address, and what its sender wants to hear about it (RFC 3461)."""

    address: str
    notify: str = ""
    orcpt: str = ""


@dataclass(slots=True)
class Transaction:
    """From MAIL to the end of the message: who was accepted at RCPT, and how many were not.

    `answers` are the addresses accepted in the order of their RCPTs, one as often as it was named.
    """

    sender: Sender
    recipients: dict[str, Recipient] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    wishes: dict[str, Wish] = field(default_factory=dict)
    refused: int = 0


def read_sender(argument: str, *, limit: int, extended: bool, may_hold: bool = False) -> Sender:
    """`FROM:<ann@example.test> SIZE=1000`; raises Refusal. `may_hold`: FUTURERELEASE is offered here."""
    path, parameters = _split(_after(argument, "FROM:"), extended)
    size = _size(parameters.pop("SIZE", "0"), limit)
    body = parameters.pop("BODY", "7BIT")
    if body is None or body.upper() not in {"7BIT", "8BITMIME"}:
        raise Refusal(statuses.BAD_ARGUMENTS.with_text("BODY is 7BIT or 8BITMIME"))
    smtputf8 = "SMTPUTF8" in parameters
    if parameters.pop("SMTPUTF8", None) is not None:
        raise Refusal(statuses.BAD_ARGUMENTS.with_text("SMTPUTF8 takes no value"))
    # RFC 4954 §5: understood wherever AUTH is offered; nobody here trusts what it claims.
    parameters.pop("AUTH", None)
    try:
        ret = smtp_words.read_ret(parameters.pop("RET")) if "RET" in parameters else ""
        envid = smtp_words.read_envid(parameters.pop("ENVID")) if "ENVID" in parameters else ""
        hold_until = _hold(parameters) if may_hold else 0
    except BadWord as error:
        raise Refusal(statuses.BAD_ARGUMENTS.with_text(str(error))) from error
    if parameters:
        raise Refusal(statuses.UNKNOWN_PARAMETER)
    address = _address(path, smtputf8=smtputf8, bad=statuses.BAD_SENDER)
    if address and "@" not in address:
        raise Refusal(statuses.BAD_SENDER)
    return Sender(address, size, smtputf8, ret, envid, hold_until)


def _hold(parameters: dict[str, str | None]) -> int:
    given = {name: parameters.pop(name) or "" for name in ("HOLDFOR", "HOLDUNTIL") if name in parameters}
    return smtp_words.read_hold(given.get("HOLDFOR"), given.get("HOLDUNTIL"), now=now_us())


def read_recipient(argument: str, *, sender: Sender, hostname: str, extended: bool) -> Addressed:
    """`TO:<ben@example.test> NOTIFY=NEVER` → the canonical address with its wishes; raises Refusal."""
    path, parameters = _split(_after(argument, "TO:"), extended)
    try:
        notify = smtp_words.read_notify(parameters.pop("NOTIFY")) if "NOTIFY" in parameters else ""
        orcpt = smtp_words.read_orcpt(parameters.pop("ORCPT")) if "ORCPT" in parameters else ""
    except BadWord as error:
        raise Refusal(statuses.BAD_ARGUMENTS.with_text(str(error))) from error
    if parameters:
        raise Refusal(statuses.UNKNOWN_PARAMETER)
    address = _address(path, smtputf8=sender.smtputf8, bad=statuses.BAD_RECIPIENT)
    if not address:
        raise Refusal(statuses.BAD_RECIPIENT)
    if "@" not in address:
        # RFC 5321 §4.5.1: <Postmaster> without a domain must be taken.
        if address.lower() != "postmaster":
            raise Refusal(statuses.BAD_RECIPIENT)
        address = f"postmaster@{hostname}"
    try:
        return Addressed(canonical(address), notify, orcpt)
    except BadAddress as error:
        raise Refusal(statuses.BAD_RECIPIENT) from error


def _after(argument: str, keyword: str) -> str:
    if argument[: len(keyword)].upper() != keyword:
        raise Refusal(statuses.BAD_ARGUMENTS.with_text(f"Expected {keyword}<address>"))
    return argument[len(keyword) :]


def _split(argument: str, extended: bool) -> tuple[str, dict[str, str | None]]:
    match = _PATH.fullmatch(argument)
    if match is None:
        raise Refusal(statuses.BAD_ARGUMENTS)
    words = (match[3] or "").split()
    if words and not extended:
        raise Refusal(statuses.UNKNOWN_PARAMETER.with_text("Parameters need EHLO"))
    if len(words) > MOST_PARAMETERS:
        raise Refusal(statuses.BAD_ARGUMENTS)
    parameters: dict[str, str | None] = {}
    for word in words:
        parsed = _PARAMETER.fullmatch(word)
        if parsed is None or parsed[1].upper() in parameters:
            raise Refusal(statuses.BAD_ARGUMENTS)
        parameters[parsed[1].upper()] = parsed[2]
    return match[1] or match[2], parameters


def _size(value: str | None, limit: int) -> int:
    # RFC 1870 §3: up to 20 digits; a number of any other length is not one.
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise Refusal(statuses.BAD_ARGUMENTS.with_text("SIZE is a number of bytes"))
    if int(value) > limit:
        raise Refusal(statuses.TOO_BIG)
    return int(value)


def _address(path: str, *, smtputf8: bool, bad: Reply) -> str:
    if not path.isascii() and not smtputf8:
        raise Refusal(statuses.NEEDS_SMTPUTF8)
    try:
        return parse_path(path)
    except BadAddress as error:
        raise Refusal(bad.with_text(f"{bad.text} ({error})")) from error
