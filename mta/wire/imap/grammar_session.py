"""The words of commands about the connection and of opening a mailbox. Pure; see `grammar`."""

from __future__ import annotations

import re
from collections.abc import Callable

from mta.wire.imap import commands as c
from mta.wire.imap.grammar_parts import Parser, bare
from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.sequences import Ranges

_BASE64 = re.compile(rb"[A-Za-z0-9+/]+=*|=")


def _id(scanner: Scanner) -> c.Command:
    """RFC 2971 §3.1: NIL or a list of at most 30 pairs."""
    scanner.space()
    if not scanner.skip(b"("):
        if scanner.nstring() is not None:
            raise BadSyntax("Expected NIL or a list")
        return c.Id(())
    fields: list[tuple[str, str]] = []
    while not scanner.skip(b")"):
        if fields:
            scanner.space()
        name = scanner.string()
        scanner.space()
        value = scanner.nstring() or b""
        fields.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))
        if len(fields) > 30:
            raise BadSyntax("More than 30 fields")
    return c.Id(tuple(fields))


def _login(scanner: Scanner) -> c.Command:
    scanner.space()
    username = scanner.text("a user name")
    scanner.space()
    return c.Login(username, scanner.text("a password"))


def _authenticate(scanner: Scanner) -> c.Command:
    scanner.space()
    mechanism = scanner.keyword("a mechanism")
    if scanner.at_end():
        return c.Authenticate(mechanism, None)
    scanner.space()
    initial = scanner.matched(_BASE64)
    if initial is None:
        raise BadSyntax("Invalid base64")
    return c.Authenticate(mechanism, initial.group())


def _enable(scanner: Scanner) -> c.Command:
    names: list[str] = []
    while not names or not scanner.at_end():
        scanner.space()
        names.append(scanner.keyword("a capability"))
    return c.Enable(tuple(names))


def _compress(scanner: Scanner) -> c.Command:
    scanner.space()
    return c.Compress(scanner.keyword("a mechanism"))


def _select(command: Callable[[str, bool, c.Resync | None], c.Command]) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        mailbox = scanner.mailbox()
        condstore, resync = False, None
        if not scanner.at_end():  # RFC 4466 §2.1
            scanner.space()
            scanner.need(b"(")
            while True:
                name = scanner.keyword("a parameter")
                if name == "QRESYNC" and resync is None:
                    scanner.space()
                    resync = _resync(scanner)
                elif name == "CONDSTORE":
                    condstore = True
                else:
                    raise BadSyntax("Unknown SELECT parameter")
                if scanner.skip(b")"):
                    break
                scanner.space()
        return command(mailbox, condstore, resync)

    return parser


def _resync(scanner: Scanner) -> c.Resync:
    """RFC 7162 §7: (uidvalidity modseq [known UIDs] [(known numbers, their UIDs)])"""
    scanner.need(b"(")
    uidvalidity = scanner.number("the UIDVALIDITY")
    scanner.space()
    modseq = scanner.modseq()  # zero is not in the grammar, but some clients begin with it
    known, match = None, None
    if scanner.skip(b" ") and not scanner.next_is(b"("):
        known = _plain_set(scanner)
        scanner.skip(b" ")
    if scanner.skip(b"("):
        numbers = _plain_set(scanner)
        scanner.space()
        match = (numbers, _plain_set(scanner))
        scanner.need(b")")
    scanner.need(b")")
    return c.Resync(uidvalidity, modseq, known, match)


def _plain_set(scanner: Scanner) -> Ranges:
    """RFC 7162 §7: a set without `*`."""
    ranges = scanner.sequence_set()
    if any(low < 1 or high < 1 for low, high in ranges):
        raise BadSyntax("A set of known messages has no * in it")
    return ranges


PARSERS: dict[str, Parser] = {
    "CAPABILITY": bare(c.Capability),
    "NOOP": bare(c.Noop),
    "LOGOUT": bare(c.Logout),
    "ID": _id,
    "STARTTLS": bare(c.StartTls),
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "COMPRESS": _compress,
    "SELECT": _select(c.Select),
    "EXAMINE": _select(c.Examine),
    "IDLE": bare(c.Idle),
    "CHECK": bare(c.Check),
    "CLOSE": bare(c.Close),
    "UNSELECT": bare(c.Unselect),
}
