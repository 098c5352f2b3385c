"""A client that believes every response, and nothing else, ends up with what the store holds.

Whatever others do meanwhile, in whatever dialect the client speaks; numbers always mean what it was told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.mailstore import service as mailstore
from mta.values import DELETED, FLAGGED, SEEN
from mta.wire.imap import sequences
from tests.mta.serve.imap_dialogue import CAUSE, Client, Server, serving

pytestmark = pytest.mark.django_db

BITS = {"\\Seen": SEEN, "\\Flagged": FLAGGED, "\\Deleted": DELETED}
FLAGS = tuple(BITS)


@dataclass
class Believer:
    """A mail program: what it knows of each message, by position."""

    client: Client
    known: list[list[int]] = field(default_factory=list)  # [uid, flags]
    tags: int = 0

    def do(self, text: str) -> None:
        self.tags += 1
        for line in self.client.ok(f"t{self.tags} {text}")[:-1]:
            self.believe(line)
        first = next((at for at, one in enumerate(self.known) if not one[0]), None)
        if first is not None:
            self.do(f"FETCH {first + 1}:* (UID FLAGS)")

    def believe(self, line: str) -> None:
        if found := re.fullmatch(r"\* (\d+) EXPUNGE", line):
            del self.known[int(found[1]) - 1]
        elif found := re.fullmatch(r"\* VANISHED (\S+)", line):
            gone = set(_numbers(found[1]))
            assert gone <= {uid for uid, _flags in self.known}
            self.known = [one for one in self.known if one[0] not in gone]
        elif found := re.fullmatch(r"\* (\d+) EXISTS", line):
            assert int(found[1]) >= len(self.known), "only EXPUNGE makes a mailbox smaller"
            self.known += [[0, 0] for _ in range(int(found[1]) - len(self.known))]
        elif found := re.fullmatch(r"\* (\d+) FETCH \((.*)\)", line):
            one = self.known[int(found[1]) - 1]
            if uid := re.search(r"UID (\d+)", found[2]):
                assert one[0] in (0, int(uid[1])), "a number means another message than it did"
                one[0] = int(uid[1])
            if flags := re.search(r"FLAGS \(([^)]*)\)", found[2]):
                one[1] = sum(BITS.get(flag, 0) for flag in flags[1].split())


def _numbers(text: str) -> list[int]:
    return [n for low, high in sequences.parse(text.encode()) for n in range(low, high + 1)]


positions = st.integers(0, 8)
others = st.one_of(
    st.tuples(st.just("append")),
    st.tuples(st.just("expunge"), positions),
    st.tuples(st.just("flag"), positions, st.sampled_from(FLAGS), st.sampled_from(["add", "remove"])),
)
ours = st.one_of(
    st.tuples(st.just("noop")),
    st.tuples(st.just("fetch"), positions),
    st.tuples(st.just("uid fetch")),
    st.tuples(st.just("expunge ours")),
    st.tuples(
        st.just("store"),
        positions,
        st.sampled_from(FLAGS),
        st.sampled_from("+-"),
        st.booleans(),
        st.booleans(),
    ),
)
stories = st.lists(st.one_of(others, ours), max_size=14)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories, st.sampled_from(["CONDSTORE", "QRESYNC", "IMAP4rev2", "X-NONE"]))
def test_a_client_that_believes_everything_ends_with_the_truth(
    story: list[tuple[object, ...]], dialect: str
) -> None:
    with serving() as server:
        for _number in range(4):
            _append(server)
        one = Believer(server.connect().sign_in())
        one.do(f"ENABLE {dialect}")
        one.do("SELECT INBOX")
        for step, *details in story:
            _others(server, step, details)
            _ours(one, step, details)
        server.ring()
        one.do("NOOP")
        assert [tuple(each) for each in one.known] == _truth(server)


def _inbox(server: Server) -> int:
    return mailstore.mailbox(server.mailspace, "INBOX").id


def _append(server: Server) -> None:
    mailstore.append(server.mailspace, _inbox(server), b"Subject: x\r\n\r\n", cause=CAUSE)


def _truth(server: Server) -> list[tuple[int, int]]:
    rows = mailstore.changes(server.mailspace, _inbox(server), 0).rows
    return [(row.uid, row.flags & (SEEN | FLAGGED | DELETED)) for row in rows]


def _others(server: Server, step: object, details: list[object]) -> None:
    """What the world does; the bell rings, or is still on its way."""
    uids = [uid for uid, _flags in _truth(server)]
    if step == "append":
        _append(server)
    elif step in ("expunge", "flag") and details[0] < len(uids):  # type: ignore[operator]
        uid = uids[details[0]]  # type: ignore[call-overload]
        box = _inbox(server)
        if step == "flag":
            mailstore.store_flags(
                server.mailspace, box, [uid], str(details[2]), BITS[str(details[1])], (), cause=CAUSE
            )
            return
        mailstore.store_flags(server.mailspace, box, [uid], "add", DELETED, (), cause=CAUSE)
        mailstore.expunge(server.mailspace, box, [uid], cause=CAUSE)
    else:
        return
    server.ring()


def _ours(one: Believer, step: object, details: list[object]) -> None:
    match step, details:
        case "noop", []:
            one.do("NOOP")
        case "uid fetch", []:
            one.do("UID FETCH 1:* (FLAGS)")
        case "expunge ours", []:
            one.do("EXPUNGE")
        case "fetch", [int(at)] if at < len(one.known):
            one.do(f"FETCH {at + 1} (UID FLAGS)")
        case "store", [int(at), str(flag), str(sign), bool(silent), bool(by_uid)] if at < len(one.known):
            message = one.known[at]
            uid, bit = message[0], BITS[flag]
            how = f"{sign}FLAGS{'.SILENT' if silent else ''} ({flag})"
            if silent:  # RFC 3501 §6.4.6: the client assumes that it has worked
                message[1] = message[1] | bit if sign == "+" else message[1] & ~bit
            one.do(f"UID STORE {uid} {how}" if by_uid else f"STORE {at + 1} {how}")
