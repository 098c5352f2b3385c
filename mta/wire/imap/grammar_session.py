"""The words of commands about the connection and of opening a mailbox. Pure; see `grammar`."""

from __future__ import annotations

import re
from collections.abc import Callable

from mta.wire.imap import commands as c
from mta.wire.imap.grammar_parts import Parser, bare
from mta.wire.imap.scanner import BadSyntax, Scanner

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


def _select(command: Callable[[str, bool], c.Command]) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        mailbox = scanner.mailbox()
        condstore = False
        if not scanner.at_end():  # RFC 4466 §2.1
            scanner.space()
            condstore = scanner.words("a parameter") == ("CONDSTORE",)
            if not condstore:
                raise BadSyntax("Unknown SELECT parameter")
        return command(mailbox, condstore)

    return parser


PARSERS: dict[str, Parser] = {
    "CAPABILITY": bare(c.Capability),
    "NOOP": bare(c.Noop),
    "LOGOUT": bare(c.Logout),
    "ID": _id,
    "STARTTLS": bare(c.StartTls),
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "SELECT": _select(c.Select),
    "EXAMINE": _select(c.Examine),
    "IDLE": bare(c.Idle),
    "CHECK": bare(c.Check),
    "CLOSE": bare(c.Close),
    "UNSELECT": bare(c.Unselect),
}
