"""THREAD's algorithms (RFC 5256 §3) and SORT's order, as tables and properties."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.wire.imap.scanner import BadSyntax, Scanner
from mta.wire.imap.sort import SortKey, casemap, columns, ordered, sort_keys
from mta.wire.imap.thread import Mail, Node, thread_line, threads


def mail(uid: int, subject: str = "s", *, id_: str = "", to: str = "", refs: str = "", sent: int = 0) -> Mail:
    base = subject.removeprefix("Re: ").lower()
    return Mail(uid, sent or uid, base, subject, id_, to, refs.split())


def line(algorithm: str, *mails: Mail) -> str:
    return thread_line(threads(algorithm, mails), lambda uid: uid).decode().strip()


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([], "* THREAD"),
        ([mail(1, id_="a"), mail(2, id_="b", refs="a"), mail(3, id_="c", refs="a b")], "* THREAD (1 2 3)"),
        ([mail(1, id_="a"), mail(2, id_="b", refs="a"), mail(3, id_="c", refs="a")], "* THREAD (1 (2)(3))"),
        # A parent that comes after its children, and In-Reply-To where there are no References.
        ([mail(1, "Re: s", id_="b", to="a"), mail(2, id_="a")], "* THREAD (2 1)"),
        # Two whose parent is not here.
        ([mail(1, "x", id_="b", refs="gone"), mail(2, "y", id_="c", refs="gone")], "* THREAD ((1)(2))"),
        # One whose parents are not here, and a grandparent that is.
        ([mail(1, "x", id_="a"), mail(2, "y", id_="b", refs="a gone"), mail(3, "z", id_="c", refs="gone")], "* THREAD (1 (2)(3))"),
        # By subject: a reply belongs under what it names, two letters with one subject side by side.
        ([mail(1, "s"), mail(2, "Re: s")], "* THREAD (1 2)"),
        ([mail(1, "Re: s"), mail(2, "s")], "* THREAD (2 1)"),
        ([mail(1, "s"), mail(2, "s")], "* THREAD ((1)(2))"),
        ([mail(1, "s"), mail(2, "s"), mail(3, "Re: s")], "* THREAD ((1)(2)(3))"),
        ([mail(1, ""), mail(2, "")], "* THREAD (1)(2)"),
        # The same Message-ID twice; a message that names itself; a loop.
        ([mail(1, "x", id_="a"), mail(2, "y", id_="a"), mail(3, "z", id_="c", refs="a")], "* THREAD (1 3)(2)"),
        ([mail(1, "x", id_="a", refs="a")], "* THREAD (1)"),
        ([mail(1, "x", id_="a", refs="b"), mail(2, "y", id_="b", refs="a")], "* THREAD (2 1)"),
        # What a message says of its own parent is right; what it says of others' only where nothing is known.
        ([mail(1, "x", id_="c", refs="a b"), mail(2, "y", id_="b"), mail(3, "z", id_="a")], "* THREAD (2 1)(3)"),
        # Siblings and threads by date, not by number.
        (
            [mail(1, "x", id_="a", sent=9), mail(2, "y", id_="b", sent=1), mail(3, "z", refs="a", sent=8), mail(4, "z", refs="a", sent=7)],
            "* THREAD (2)(1 (4)(3))",
        ),
    ],
)  # fmt: skip
def test_references(mails: list[Mail], expected: str) -> None:
    assert line("REFERENCES", *mails) == expected


def test_ordered_subject() -> None:
    mails = [mail(1, "b", sent=5), mail(2, "a", sent=3), mail(3, "Re: b", sent=1), mail(4, "b", sent=9)]
    assert line("ORDEREDSUBJECT", *mails) == "* THREAD (3 (1)(4))(2)"


_IDS = st.sampled_from([*"abcdefgh", ""])
_MAILS = st.lists(
    st.tuples(
        st.sampled_from(["x", "Re: x", "y", "Re: y", ""]),
        _IDS,
        _IDS,
        st.lists(_IDS.filter(bool), max_size=5),
        st.integers(0, 5),
    ),
    max_size=14,
)


def _every(roots: list[Node]) -> list[Node]:
    found: list[Node] = []
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += node.children
    return found


@settings(max_examples=300)
@given(_MAILS, st.sampled_from(["REFERENCES", "ORDEREDSUBJECT"]))
def test_every_message_is_in_one_place_and_siblings_are_in_order(
    written: list[tuple[str, str, str, list[str], int]], algorithm: str
) -> None:
    mails = [
        Mail(uid, sent, subject.removeprefix("Re: "), subject, id_, to, refs)
        for uid, (subject, id_, to, refs, sent) in enumerate(written, start=1)
    ]
    roots = threads(algorithm, mails)
    nodes = _every(roots)
    assert sorted(node.mail.uid for node in nodes if node.mail) == [each.uid for each in mails]
    for node in nodes:
        if node.mail is None:
            assert node in roots and len(node.children) > 1
        dates = [child.mail.sent for child in node.children if child.mail]
        assert len(dates) == len(node.children) and dates == sorted(dates)
    printed = thread_line(roots, lambda uid: uid).decode()
    assert printed.count("(") == printed.count(")")
    numbers = printed.removeprefix("* THREAD").replace("(", " ").replace(")", " ").split()
    assert sorted(map(int, numbers)) == [each.uid for each in mails]


def test_long_chains_and_hostile_references_cost_bounded_time() -> None:
    count = 20_000
    chain = [
        Mail(n + 1, n, "s", "Re: s", str(n), "", [str(m) for m in range(max(0, n - 10), n)])
        for n in range(count)
    ]
    shuffled = random.Random(1).sample(chain, count)
    hostile = [
        Mail(n + 1, n, "s", "s", str(n), "", [str((n * 7919 + m * 104729) % count) for m in range(10)])
        for n in range(count)
    ]
    start = time.process_time()
    for mails in (chain, chain[::-1], shuffled, hostile):
        assert len(_every(threads("REFERENCES", mails))) >= count
    assert time.process_time() - start < 20


# --- SORT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"(SUBJECT)", (SortKey("SUBJECT"),)),
        (b"(reverse date ARRIVAL)", (SortKey("DATE", True), SortKey("ARRIVAL"))),
    ],
)
def test_sort_keys(text: bytes, expected: tuple[SortKey, ...]) -> None:
    assert sort_keys(Scanner([text])) == expected


@pytest.mark.parametrize("text", [b"()", b"(REVERSE)", b"(COLOUR)", b"DATE", b"(" + b"DATE " * 30 + b"DATE)"])
def test_other_words_are_no_sort_keys(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        sort_keys(Scanner([text]))


def test_case_and_width_of_letters_do_not_matter_and_accents_come_after() -> None:
    letters = ["Ärger", "zebra", "Arger", "ａpfel", "Apfel"]
    assert sorted(letters, key=casemap) == ["ａpfel", "Apfel", "Arger", "Ärger", "zebra"]


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "B", "ä", "Re"]), st.integers(0, 3)), max_size=60),
    st.lists(st.builds(SortKey, st.sampled_from(["SUBJECT", "SIZE"]), st.booleans()), min_size=1, max_size=4),
)
def test_equals_stay_in_the_order_of_their_numbers(
    values: list[tuple[str, int]], keys: list[SortKey]
) -> None:
    at = columns(keys)
    rows = [
        (uid, *({"base_subject": subject, "size": size}[name] for name in at))
        for uid, (subject, size) in enumerate(values, start=1)
    ]

    def before(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
        for key in keys:
            place = at.index("size" if key.name == "SIZE" else "base_subject") + 1
            mine, theirs = (
                row[place] if key.name == "SIZE" else casemap(str(row[place])) for row in (one, other)
            )
            if mine != theirs:
                return (mine > theirs) if key.reverse else (mine < theirs)  # type: ignore[operator]
        return one[0] < other[0]  # type: ignore[operator]

    by_uid = {row[0]: row for row in rows}
    result = ordered(rows, keys)
    assert sorted(result) == sorted(by_uid)
    assert all(before(by_uid[one], by_uid[two]) for one, two in pairwise(result))


@pytest.mark.parametrize("reverse", [False, True])
def test_large_results_are_sorted_in_pieces_with_the_same_outcome(reverse: bool) -> None:
    rows = [(uid, uid * 7919 % 1000) for uid in range(1, 30_000)]
    expected = sorted(rows, key=lambda row: row[1], reverse=reverse)
    assert ordered(rows, [SortKey("SIZE", reverse)]) == [uid for uid, _ in expected]
