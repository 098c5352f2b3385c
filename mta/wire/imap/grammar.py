"""From the words of a command to its frozen value (RFC 3501 §9 and the extensions we announce).

Pure. `parse` is the only door; PARSERS and UID_PARSERS list every command there is. Raises BadSyntax with
a text for the client. Whether a command is allowed in the present state is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import BinaryIO

from mta.wire.imap import commands as c
from mta.wire.imap.fetch_items import fetch_items
from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.search import search_program

MAX_FLAGS = 100
MAX_PATTERNS = 50
MAX_WILDCARDS = 40
STATUS_ITEMS = frozenset(
    ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "SIZE", "HIGHESTMODSEQ", "MAILBOXID")
)
_SELECTIONS = frozenset(("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"))
_RETURNS = frozenset(("SUBSCRIBED", "CHILDREN", "SPECIAL-USE"))
_STORE_ITEM = re.compile(rb"([+-]?)flags(\.silent)?(?= )", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+=*|=")
_MODES = {b"": "replace", b"+": "add", b"-": "remove"}


def parse(texts: Sequence[bytes], literals: Sequence[bytes], message: BinaryIO | None) -> c.Command:
    """`texts` begin after the tag; `message` is the last literal of an APPEND, held apart."""
    scanner = Scanner(texts, literals)
    name = scanner.keyword("a command")
    if name == "APPEND":
        command: c.Command = _append(scanner, message)
    elif name == "UID":
        scanner.space()
        command = _known(UID_PARSERS, scanner.keyword("a command after UID"))(scanner)
    else:
        command = _known(PARSERS, name)(scanner)
    scanner.end()
    return command


Parser = Callable[[Scanner], c.Command]


def _known(parsers: dict[str, Parser], name: str) -> Parser:
    parser = parsers.get(name)
    if parser is None:
        raise BadSyntax("Unknown command")
    return parser


def _bare(command: type[c.Command]) -> Parser:
    return lambda scanner: command()


def _of_mailbox(
    command: Callable[[str], c.Command],
) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        return command(scanner.mailbox())

    return parser


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


def _create(scanner: Scanner) -> c.Command:
    scanner.space()
    name = scanner.mailbox()
    # RFC 3501 §6.3.3: a trailing delimiter says that names will be made below it; nothing to do here.
    return c.Create(name[:-1] if len(name) > 1 and name.endswith("/") else name)


def _rename(scanner: Scanner) -> c.Command:
    scanner.space()
    name = scanner.mailbox()
    scanner.space()
    new_name = scanner.mailbox()
    return c.Rename(name, new_name.rstrip("/") or new_name)


def _list(scanner: Scanner) -> c.Command:
    scanner.space()
    selection: frozenset[str] = frozenset()
    extended = scanner.next_is(b"(")
    if extended:
        selection = _options(scanner.words("a selection option"), _SELECTIONS)
        scanner.space()
    reference = scanner.mailbox()
    scanner.space()
    patterns, many = _patterns(scanner)
    extended = extended or many
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    if not scanner.at_end():
        scanner.space()
        if scanner.keyword("RETURN") != "RETURN":
            raise BadSyntax("Expected RETURN")
        scanner.space()
        returns, status = _list_returns(scanner)
        extended = True
    return c.List(reference, patterns, selection, returns, status, extended)


def _patterns(scanner: Scanner) -> tuple[tuple[str, ...], bool]:
    if not scanner.skip(b"("):
        return tuple(_matchable([scanner.list_pattern()])), False
    patterns: list[str] = []
    while not scanner.skip(b")"):
        if patterns:
            scanner.space()
        patterns.append(scanner.list_pattern())
        if len(patterns) > MAX_PATTERNS:
            raise BadSyntax("Too many patterns")
    if not patterns:
        raise BadSyntax("Expected a pattern")
    return tuple(_matchable(patterns)), True


def _matchable(patterns: list[str]) -> list[str]:
    """Matching takes time with the number of wildcards; a stranger does not get to choose that."""
    if sum(pattern.count("*") + pattern.count("%") for pattern in patterns) > MAX_WILDCARDS:
        raise BadSyntax("Too many wildcards")
    return patterns


def _options(words: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    if not known.issuperset(words):
        raise BadSyntax("Unknown LIST option")
    return frozenset(words)


def _list_returns(scanner: Scanner) -> tuple[frozenset[str], tuple[str, ...]]:
    """RFC 5258 §3 return options; RFC 5819 §2 STATUS with its own list."""
    scanner.need(b"(")
    found: list[str] = []
    status: tuple[str, ...] = ()
    first = True
    while not scanner.skip(b")"):
        if not first:
            scanner.space()
        first = False
        word = scanner.keyword("a return option")
        if word == "STATUS":
            scanner.space()
            status = _status_items(scanner)
        else:
            found.append(word)
    return _options(tuple(found), _RETURNS), status


def _lsub(scanner: Scanner) -> c.Command:
    scanner.space()
    reference = scanner.mailbox()
    scanner.space()
    return c.Lsub(reference, *_matchable([scanner.list_pattern()]))


def _status_items(scanner: Scanner) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(scanner.words("a status item")))
    if not items or not STATUS_ITEMS.issuperset(items):
        raise BadSyntax("Unknown STATUS item")
    return items


def _status(scanner: Scanner) -> c.Command:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    return c.Status(mailbox, _status_items(scanner))


def _append(scanner: Scanner, message: BinaryIO | None) -> c.Command:
    scanner.space()
    mailbox = scanner.mailbox()
    scanner.space()
    flags: tuple[str, ...] = ()
    if scanner.next_is(b"("):
        flags = _flags(scanner.flag_list())
        scanner.space()
    moment = None
    if scanner.next_is(b'"'):
        moment = scanner.date_time()
        scanner.space()
    if message is None or scanner.next_is(b'"') or scanner.string() != b"":
        raise BadSyntax("Expected the message as a literal")
    return c.Append(mailbox, flags, moment, message)


def _flags(flags: tuple[str, ...]) -> tuple[str, ...]:
    if len(flags) > MAX_FLAGS or any(len(flag) > 200 for flag in flags):
        raise BadSyntax("Too many or too long flags")
    return flags


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
        return c.Store(messages, _MODES[item.group(1)], _flags(flags), bool(item.group(2)), uid, since)

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
    "CAPABILITY": _bare(c.Capability),
    "NOOP": _bare(c.Noop),
    "LOGOUT": _bare(c.Logout),
    "ID": _id,
    "STARTTLS": _bare(c.StartTls),
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "SELECT": _select(c.Select),
    "EXAMINE": _select(c.Examine),
    "CREATE": _create,
    "DELETE": _of_mailbox(c.Delete),
    "RENAME": _rename,
    "SUBSCRIBE": _of_mailbox(c.Subscribe),
    "UNSUBSCRIBE": _of_mailbox(c.Unsubscribe),
    "LIST": _list,
    "LSUB": _lsub,
    "NAMESPACE": _bare(c.Namespace),
    "STATUS": _status,
    "IDLE": _bare(c.Idle),
    "CHECK": _bare(c.Check),
    "CLOSE": _bare(c.Close),
    "UNSELECT": _bare(c.Unselect),
    "EXPUNGE": _bare(c.Expunge),
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
