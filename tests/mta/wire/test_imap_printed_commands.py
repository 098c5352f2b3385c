"""Commands read as they print: every kind of argument, every way to write it, however the bytes arrive.

`PRINTERS` is the inverse of the grammar for commands that are values; a string is written as an atom, quoted or as a
literal, as chance has it. SEARCH, SORT and THREAD become functions of a view: see test_imap_search.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mta.wire.imap import commands as c
from mta.wire.imap import names, responses, sequences
from mta.wire.imap.engine import Engine, Event, Issued
from mta.wire.imap.fetch_items import ITEMS
from mta.wire.imap.grammar_mailboxes import STATUS_ITEMS
from mta.wire.imap.scanner import Spooled

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")


class Writer:
    """Writes the words of a command; `literals` that are messages are octets of their own."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.messages: list[bytes] = []

    def string(self, data: bytes) -> bytes:
        forms = [b"{%d+}\r\n%b" % (len(data), data)]
        if all(32 <= octet < 127 for octet in data):
            forms.append(b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"')
        return self.chance.choice(forms)

    def astring(self, data: bytes) -> bytes:
        plain = [data] if _ATOM.fullmatch(data) and data.upper() != b"NIL" else []
        return self.chance.choice([*plain, self.string(data)])

    def mailbox(self, name: str) -> bytes:
        return self.astring(names.encode(name))

    def word(self, word: str) -> bytes:
        return self.chance.choice([word.upper(), word.lower(), word.title()]).encode()

    def listed(self, words: list[bytes]) -> bytes:
        return b"(" + b" ".join(words) + b")"

    def message(self, one: c.AppendMessage, data: bytes) -> bytes:
        written = b""
        if one.flags or self.chance.random() < 0.3:
            written += b" " + self.listed([flag.encode() for flag in one.flags])
        if one.internal_date is not None:
            written += b" " + responses.internal_date(one.internal_date)
        mark = b"%b{%d+}\r\n%b" % (b"~" if one.spooled.binary else b"", len(data), data)
        return written + (b" " + self.word("UTF8") + b" (" + mark + b")" if one.utf8 else b" " + mark)

    def item(self, item: c.Item | c.Section) -> bytes:
        if isinstance(item, c.Item):
            return self.word(item.name)
        if item.size_only:
            return b"BINARY.SIZE[" + item.part.encode() + b"]"
        name = self.word(("BINARY" if item.decoded else "BODY") + (".PEEK" if item.peek else ""))
        inside = item.part.encode()
        if item.fields:
            inside += b" " + self.listed([self.astring(field.encode("latin-1")) for field in item.fields])
        return name + b"[" + inside + b"]" + (b"<%d.%d>" % item.partial if item.partial else b"")


def uid(writer: Writer, command: Any, name: str) -> bytes:
    return (writer.word("UID") + b" " if command.uid else b"") + writer.word(name) + b" "


def fetch(writer: Writer, command: c.Fetch) -> bytes:
    items = [writer.item(item) for item in command.items]
    written = uid(writer, command, "FETCH") + sequences.show(command.messages) + b" "
    written += items[0] if len(items) == 1 and writer.chance.random() < 0.5 else writer.listed(items)
    modifiers = []
    if command.changed_since is not None:
        modifiers.append(writer.word("CHANGEDSINCE") + b" %d" % command.changed_since)
    if command.vanished:
        modifiers.append(writer.word("VANISHED"))
    if command.partial:
        modifiers.append(writer.word("PARTIAL") + b" %d:%d" % command.partial)
    writer.chance.shuffle(modifiers)
    return written + (b" " + writer.listed(modifiers) if modifiers else b"")


def store(writer: Writer, command: c.Store) -> bytes:
    written = uid(writer, command, "STORE") + sequences.show(command.messages) + b" "
    if command.unchanged_since is not None:
        written += b"(" + writer.word("UNCHANGEDSINCE") + b" %d) " % command.unchanged_since
    sign = {"replace": b"", "add": b"+", "remove": b"-"}[command.mode]
    written += sign + writer.word("FLAGS") + (writer.word(".SILENT") if command.silent else b"") + b" "
    flags = [flag.encode() for flag in command.flags]
    return written + (b" ".join(flags) if flags and writer.chance.random() < 0.5 else writer.listed(flags))


PRINTERS: dict[type[c.Command], Callable[[Writer, Any], bytes]] = {
    c.Login: lambda w, x: b"%b %b %b"
    % (w.word("LOGIN"), w.astring(x.username.encode()), w.astring(x.password.encode())),
    c.Enable: lambda w, x: w.word("ENABLE") + b"".join(b" " + w.word(name) for name in x.names),
    c.Create: lambda w, x: w.word("CREATE") + b" " + w.mailbox(x.mailbox),
    c.Delete: lambda w, x: w.word("DELETE") + b" " + w.mailbox(x.mailbox),
    c.Subscribe: lambda w, x: w.word("SUBSCRIBE") + b" " + w.mailbox(x.mailbox),
    c.Unsubscribe: lambda w, x: w.word("UNSUBSCRIBE") + b" " + w.mailbox(x.mailbox),
    c.Rename: lambda w, x: w.word("RENAME") + b" " + w.mailbox(x.mailbox) + b" " + w.mailbox(x.new_name),
    c.Select: lambda w, x: w.word("SELECT") + b" " + w.mailbox(x.mailbox) + (b" (CONDSTORE)" if x.condstore else b""),
    c.Examine: lambda w, x: w.word("EXAMINE") + b" " + w.mailbox(x.mailbox),
    c.Status: lambda w, x: w.word("STATUS") + b" " + w.mailbox(x.mailbox) + b" " + w.listed([w.word(i) for i in x.items]),
    c.GetQuota: lambda w, x: w.word("GETQUOTA") + b" " + w.astring(x.root.encode()),
    c.GetQuotaRoot: lambda w, x: w.word("GETQUOTAROOT") + b" " + w.mailbox(x.mailbox),
    c.Fetch: fetch,
    c.Store: store,
    c.Copy: lambda w, x: uid(w, x, "COPY") + sequences.show(x.messages) + b" " + w.mailbox(x.mailbox),
    c.Move: lambda w, x: uid(w, x, "MOVE") + sequences.show(x.messages) + b" " + w.mailbox(x.mailbox),
    c.Expunge: lambda w, x: w.word("UID EXPUNGE") + b" " + sequences.show(x.uids),
}  # fmt: skip

# --- values

numbers = st.one_of(st.just(0), st.integers(1, 2**32 - 1))  # 0 is `*`
ranges = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6).map(tuple)
some_names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda name: names.decode(names.encode(name)) == name
)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
flags = st.lists(st.sampled_from(["\\Seen", "\\Deleted", "$Work", "a-b", "\\Flagged"]), max_size=3).map(tuple)
modseqs = st.integers(0, 2**63 - 1)
pages = st.one_of(
    st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1)),
    st.tuples(st.integers(-(2**32) + 1, -1), st.integers(-(2**32) + 1, -1)),
)
part_numbers = st.lists(st.integers(1, 999_999), min_size=1, max_size=5).map(
    lambda path: ".".join(map(str, path))
)
partials = st.none() | st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))
fields = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=("Cc",)), min_size=1, max_size=9), min_size=1, max_size=4).map(tuple)  # fmt: skip


@st.composite
def sections(draw: st.DrawFn) -> c.Section:
    """Without their labels: those are what the answer says, tried in test_imap_fetch."""
    number = draw(st.just("") | part_numbers)
    if draw(st.booleans()):
        if draw(st.booleans()):
            return c.Section(number, b"", peek=True, decoded=True, size_only=True)
        return c.Section(number, b"", (), draw(partials), draw(st.booleans()), decoded=True)
    kinds = ["", "HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT", *(["MIME"] if number else [])]
    kind = draw(st.sampled_from(kinds))
    named = draw(fields) if "FIELDS" in kind else ()
    spec = f"{number}.{kind}" if number and kind else number or kind
    return c.Section(spec, b"", named, draw(partials), draw(st.booleans()))


items = st.lists(
    st.one_of(st.sampled_from(sorted(ITEMS)).map(c.Item), sections()), min_size=1, max_size=6, unique=True
).map(tuple)


@st.composite
def fetches(draw: st.DrawFn) -> c.Fetch:
    by_uid = draw(st.booleans())
    since = draw(st.none() | modseqs)
    vanished = by_uid and since is not None and draw(st.booleans())
    page = draw(st.none() | pages) if by_uid else None
    return c.Fetch(draw(ranges), draw(items), by_uid, since, vanished, page)


mailbox = some_names
# Of a name that is made, a trailing delimiter is not kept (RFC 3501 §6.3.3): transcripts/mailboxes.txt.
made = some_names.filter(lambda name: not name.endswith("/"))
COMMANDS = st.one_of(
    st.builds(c.Login, texts, texts),
    st.builds(c.Enable, st.lists(st.sampled_from(["CONDSTORE", "X-Y", "UTF8=ACCEPT"]), min_size=1, max_size=3).map(tuple).map(lambda all_: tuple(one.upper() for one in all_))),
    st.builds(c.Create, made),
    *(st.builds(kind, mailbox) for kind in (c.Delete, c.Subscribe, c.Unsubscribe, c.Examine, c.GetQuotaRoot)),
    st.builds(c.Rename, mailbox, made),
    st.builds(c.Select, mailbox, st.booleans()),
    st.builds(c.Status, mailbox, st.lists(st.sampled_from(sorted(STATUS_ITEMS)), min_size=1, max_size=4, unique=True).map(tuple)),
    st.builds(c.GetQuota, st.sampled_from(["", "Mail", "a b"])),
    fetches(),
    st.builds(c.Store, ranges, st.sampled_from(["add", "remove", "replace"]), flags, st.booleans(), st.booleans(), st.none() | modseqs),
    st.builds(c.Copy, ranges, mailbox, st.booleans()),
    st.builds(c.Move, ranges, mailbox, st.booleans()),
    st.builds(c.Expunge, ranges),
)  # fmt: skip


def _read(data: bytes, cuts: list[int]) -> list[Event]:
    engine = Engine(max_message=10_000)
    engine.signed_in = True
    found: list[Event] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        engine.feed(data[start:end])
        while (event := engine.next()) is not None:
            found.append(event)
    return found


def _unlabelled(command: c.Command) -> c.Command:
    if not isinstance(command, c.Fetch):
        return command
    plain = tuple(
        c.Section(i.part, b"", i.fields, i.partial, i.peek, i.decoded, i.size_only) if isinstance(i, c.Section) else i
        for i in command.items
    )  # fmt: skip
    return c.Fetch(
        command.messages, plain, command.uid, command.changed_since, command.vanished, command.partial
    )


CUTS = st.lists(st.integers(0, 10_000), max_size=6)


@settings(max_examples=600, deadline=None)
@given(COMMANDS, st.integers(0, 2**32), CUTS)
def test_a_command_reads_as_it_prints(command: c.Command, seed: int, cuts: list[int]) -> None:
    writer = Writer(seed)
    printed = b"t1 " + PRINTERS[type(command)](writer, command) + b"\r\n"
    (event,) = _read(printed, cuts)
    assert isinstance(event, Issued), (printed, event)
    assert _unlabelled(event.command) == command, printed


moments = st.none() | st.integers(-62_000_000_000, 250_000_000_000).map(lambda second: second * 1_000_000)


@settings(max_examples=200, deadline=None)
@given(
    mailbox,
    st.lists(st.tuples(st.binary(max_size=50), flags, moments, st.booleans(), st.booleans()), min_size=1, max_size=5),
    st.integers(0, 2**32),
    CUTS,
)  # fmt: skip
def test_an_append_of_several_messages_reads_as_it_prints(
    name: str, given_: list[tuple[bytes, tuple[str, ...], int | None, bool, bool]], seed: int, cuts: list[int]
) -> None:
    writer, at, messages = Writer(seed), 0, []
    for data, words, moment, binary, utf8 in given_:
        messages.append(c.AppendMessage(Spooled(at, len(data), binary), words, moment, utf8))
        at += len(data)
    written = [writer.message(one, data) for one, (data, *_) in zip(messages, given_, strict=True)]
    printed = b"t1 " + writer.word("APPEND") + b" " + writer.mailbox(name) + b"".join(written) + b"\r\n"
    (event,) = _read(printed, cuts)
    assert isinstance(event, Issued), (printed, event)
    assert isinstance(event.command, c.Append)
    assert (event.command.mailbox, event.command.messages) == (name, tuple(messages))
    event.command.spool.seek(0)
    assert event.command.spool.read() == b"".join(data for data, *_ in given_)
