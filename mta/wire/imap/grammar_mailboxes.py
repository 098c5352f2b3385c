"""The words of commands about mailboxes: LIST, STATUS, CREATE and the rest. Pure; see `grammar`."""

from __future__ import annotations

from mta.wire.imap import commands as c
from mta.wire.imap.grammar_parts import Parser, bare, of_mailbox
from mta.wire.imap.scanner import BadSyntax, Scanner

MAX_PATTERNS = 50
MAX_WILDCARDS = 40
MAX_RESOURCES = 20
MAX_USES = 20
STATUS_ITEMS = frozenset(
    (
        "MESSAGES",
        "RECENT",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "DELETED",
        "SIZE",
        "HIGHESTMODSEQ",
        "MAILBOXID",
        "APPENDLIMIT",
        "DELETED-STORAGE",
    )
)
_SELECTIONS = frozenset(("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"))
_RETURNS = frozenset(("SUBSCRIBED", "CHILDREN", "SPECIAL-USE"))


def _create(scanner: Scanner) -> c.Command:
    scanner.space()
    name = scanner.mailbox()
    uses: tuple[str, ...] = ()
    if not scanner.at_end():
        scanner.space()
        uses = _uses(scanner)
    # RFC 3501 §6.3.3: a trailing delimiter says that names will be made below it; nothing to do here.
    return c.Create(name[:-1] if len(name) > 1 and name.endswith("/") else name, uses)


def _uses(scanner: Scanner) -> tuple[str, ...]:
    """RFC 6154 §6: `(USE (\\Archive))`, the only parameter of CREATE (RFC 4466 §2.1) there is here."""
    scanner.need(b"(")
    if scanner.keyword("USE") != "USE":
        raise BadSyntax("Unknown CREATE parameter")
    scanner.space()
    uses = scanner.flag_list()
    scanner.need(b")")
    if len(uses) > MAX_USES:
        raise BadSyntax("Too many attributes")
    return uses


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


def _get_quota(scanner: Scanner) -> c.Command:
    scanner.space()
    return c.GetQuota(scanner.text("a quota root"))


def _set_quota(scanner: Scanner) -> c.Command:
    """The limits are read and forgotten: nobody sets them over IMAP."""
    scanner.space()
    root = scanner.text("a quota root")
    scanner.space()
    scanner.need(b"(")
    resources = 0
    while not scanner.skip(b")"):
        if resources:
            scanner.space()
        resources += 1
        if resources > MAX_RESOURCES:
            raise BadSyntax("Too many resources")
        scanner.keyword("a resource")
        scanner.space()
        scanner.modseq()  # RFC 9208 §7: a number64
    return c.SetQuota(root)


PARSERS: dict[str, Parser] = {
    "CREATE": _create,
    "DELETE": of_mailbox(c.Delete),
    "RENAME": _rename,
    "SUBSCRIBE": of_mailbox(c.Subscribe),
    "UNSUBSCRIBE": of_mailbox(c.Unsubscribe),
    "LIST": _list,
    "LSUB": _lsub,
    "GETQUOTA": _get_quota,
    "GETQUOTAROOT": of_mailbox(c.GetQuotaRoot),
    "SETQUOTA": _set_quota,
    "NAMESPACE": bare(c.Namespace),
    "STATUS": _status,
}
