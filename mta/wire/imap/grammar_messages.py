"""The words of commands about messages: APPEND, FETCH, STORE, SEARCH and the rest. Pure; see `grammar`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from mta.wire.imap import commands as c
from mta.wire.imap.fetch_items import fetch_items
from mta.wire.imap.grammar_parts import Parser, bare, bounded_flags
from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.search import search_program

_STORE_ITEM = re.compile(rb"([+-]?)flags(\.silent)?(?= )", re.IGNORECASE)
_MODES = {b"": "replace", b"+": "add", b"-": "remove"}


def append(scanner: Scanner, message: BinaryIO | None) -> c.Command:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    flags: tuple[str, ...] = ()
    if scanner.next_is(b"("):
        flags = bounded_flags(scanner.flag_list())
        scanner.space()
    moment = None
    if scanner.next_is(b'"'):
        moment = scanner.date_time()
        scanner.space()
    if message is None or scanner.next_is(b'"') or scanner.string() != b"":
        raise BadSyntax("Expected the message as a literal")
    return c.Append(mailbox, flags, moment, message)


def _search(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        key, returns = search_program(scanner)
        return c.Search(key, uid, returns)

    return parser


def _fetch(*, uid: bool) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        messages = scanner.sequence_set()
        scanner.space()
        items = fetch_items(scanner)
        since = None
        if not scanner.at_end():  # RFC 7162 §3.1.4.1
            scanner.space()
            scanner.need(b"(")
            if scanner.keyword("CHANGEDSINCE") != "CHANGEDSINCE":
                raise BadSyntax("Unknown FETCH modifier")
            scanner.space()
            since = scanner.modseq()
            scanner.need(b")")
        return c.Fetch(messages, items, uid, since)

    return parser


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
    "FETCH": _fetch(uid=False),
    "STORE": _store(uid=False),
    "COPY": _copy(c.Copy, uid=False),
    "MOVE": _copy(c.Move, uid=False),
}

UID_PARSERS: dict[str, Parser] = {
    "EXPUNGE": _uid_expunge,
    "SEARCH": _search(uid=True),
    "FETCH": _fetch(uid=True),
    "STORE": _store(uid=True),
    "COPY": _copy(c.Copy, uid=True),
    "MOVE": _copy(c.Move, uid=True),
}
