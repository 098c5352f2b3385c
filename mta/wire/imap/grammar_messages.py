"""The words of commands about messages: APPEND, FETCH, STORE, SEARCH and the rest. Pure; see `grammar`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, BinaryIO

from mta.wire.imap import commands as c
from mta.wire.imap.fetch_items import fetch_items
from mta.wire.imap.grammar_parts import Parser, bare, bounded_flags
from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.search import search_criteria, search_program, search_returns
from mta.wire.imap.sort import sort_keys
from mta.wire.imap.thread import ALGORITHMS

_STORE_ITEM = re.compile(rb"([+-]?)flags(\.silent)?(?= )", re.IGNORECASE)
_MODES = {b"": "replace", b"+": "add", b"-": "remove"}


def append(scanner: Scanner, spool: BinaryIO | None) -> c.Command:
    """RFC 3501 §6.3.11, several messages by RFC 3502 §6.3.11; `spool` holds what the literals brought."""
    scanner.space()
    mailbox = scanner.mailbox()
    messages = [_message(scanner)]
    while not scanner.at_end():
        messages.append(_message(scanner))
    if spool is None:
        raise BadSyntax("Expected the message as a literal")
    return c.Append(mailbox, tuple(messages), spool)


def _message(scanner: Scanner) -> c.AppendMessage:
    scanner.space()
    flags: tuple[str, ...] = ()
    if scanner.next_is(b"("):
        flags = bounded_flags(scanner.flag_list())
        scanner.space()
    moment = None
    if scanner.next_is(b'"'):
        moment = scanner.date_time()
        scanner.space()
    if scanner.skip_word(b"UTF8"):  # RFC 6855 §4
        scanner.space()
        scanner.need(b"(")
        spooled = scanner.spooled()
        scanner.need(b")")
        return c.AppendMessage(spooled, flags, moment, utf8=True)
    return c.AppendMessage(scanner.spooled(), flags, moment)


def _search(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        key, returns, charset = search_program(scanner)
        return c.Search(key, uid, returns, charset)

    return parser


def _sort(*, uid: bool) -> Parser:
    """RFC 5256 §5; RETURN comes first (RFC 5267 §3)."""

    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        returns = search_returns(scanner)
        keys = sort_keys(scanner)
        scanner.space()
        return c.Sort(keys, search_criteria(scanner), uid, returns)

    return parser


def _thread(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        algorithm = scanner.keyword("a threading algorithm")
        if algorithm not in ALGORITHMS:
            raise BadSyntax("Unknown threading algorithm")
        scanner.space()
        return c.Thread(algorithm, search_criteria(scanner), uid)

    return parser


def _fetch(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        messages = scanner.sequence_set()
        scanner.space()
        items = fetch_items(scanner)
        if scanner.at_end():
            return c.Fetch(messages, items, uid)
        scanner.space()
        modifiers = _fetch_modifiers(scanner)
        if not uid and modifiers.keys() & {"vanished", "partial"}:
            # RFC 7162 §3.2.6, RFC 9394 §3.2
            raise BadSyntax("VANISHED and PARTIAL belong to UID FETCH")
        if "vanished" in modifiers and "changed_since" not in modifiers:
            raise BadSyntax("VANISHED needs CHANGEDSINCE")
        return c.Fetch(messages, items, uid, **modifiers)

    return parser


def _fetch_modifiers(scanner: Scanner) -> dict[str, Any]:
    """RFC 4466 §2.4: CHANGEDSINCE and VANISHED (RFC 7162), PARTIAL (RFC 9394), in any order."""
    scanner.need(b"(")
    found: dict[str, Any] = {}
    while not found or not scanner.skip(b")"):
        if found:
            scanner.space()
        name = scanner.keyword("a FETCH modifier")
        if name.lower() in found or (name == "CHANGEDSINCE" and "changed_since" in found):
            raise BadSyntax("The same FETCH modifier twice")
        if name == "VANISHED":
            found["vanished"] = True
            continue
        scanner.space()
        if name == "CHANGEDSINCE":
            found["changed_since"] = scanner.modseq()
        elif name == "PARTIAL":
            found["partial"] = scanner.partial_range()
        else:
            raise BadSyntax("Unknown FETCH modifier")
    return found


def _store(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        messages = scanner.sequence_set()
        scanner.space()
        since = None
        if scanner.skip(b"("):  # RFC 7162 §3.1.3
            if scanner.keyword("UNCHANGEDSINCE") != "UNCHANGEDSINCE":
                raise BadSyntax("Unknown STORE modifier")
            scanner.space()
            since = scanner.modseq()
            scanner.need(b")")
            scanner.space()
        item = scanner.matched(_STORE_ITEM)
        if not item:
            raise BadSyntax("Expected FLAGS, +FLAGS or -FLAGS")
        scanner.space()
        flags = scanner.flag_list() if scanner.next_is(b"(") else _bare_flags(scanner)
        return c.Store(messages, _MODES[item.group(1)], bounded_flags(flags), bool(item.group(2)), uid, since)

    return parser


def _bare_flags(scanner: Scanner) -> tuple[str, ...]:
    flags = [scanner.flag()]
    while not scanner.at_end():
        scanner.space()
        flags.append(scanner.flag())
    return tuple(flags)


def _copy(command: Callable[..., c.Command], *, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        messages = scanner.sequence_set()
        scanner.space()
        return command(messages, scanner.mailbox(), uid)

    return parser


def _uid_expunge(scanner: Scanner) -> c.Command:
    scanner.space()
    return c.Expunge(scanner.sequence_set())


PARSERS: dict[str, Parser] = {
    "EXPUNGE": bare(c.Expunge),
    "SEARCH": _search(uid=False),
    "SORT": _sort(uid=False),
    "THREAD": _thread(uid=False),
    "FETCH": _fetch(uid=False),
    "STORE": _store(uid=False),
    "COPY": _copy(c.Copy, uid=False),
    "MOVE": _copy(c.Move, uid=False),
}

UID_PARSERS: dict[str, Parser] = {
    "EXPUNGE": _uid_expunge,
    "SEARCH": _search(uid=True),
    "SORT": _sort(uid=True),
    "THREAD": _thread(uid=True),
    "FETCH": _fetch(uid=True),
    "STORE": _store(uid=True),
    "COPY": _copy(c.Copy, uid=True),
    "MOVE": _copy(c.Move, uid=True),
}
