"""What a filter says of a message as it arrives is what a search says of it once it lies there; and rules survive
being written down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.filters import coding
from mta.filters.service import Actions
from mta.mailstore import service as mailstore
from mta.mailstore.service import Candidate, prepare
from mta.message import criteria as c
from mta.values import Cause, now_us

LETTERS = (
    b"From: Ada Lovelace <ada@engine.test>\r\nTo: Ann <ann@a.test>\r\nSubject: The Analytical Engine\r\n"
    b"Date: Mon, 12 Oct 2026 10:00:00 +0000\r\nMessage-ID: <a1@engine.test>\r\n\r\nShall we meet at noon, in Paris?\r\n",
    b"From: bills@shop.test\r\nTo: ann+shop@a.test\r\nCc: Ben <ben@a.test>\r\nSubject: Your order 4711\r\n"
    b"X-Shop: Caf\xc3\xa9\r\nList-Id: <news.shop.test>\r\n\r\nThank you. Total: 12.50 EUR\r\n",
    "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <j.mueller@b\u00fcro.test>\r\nTo: ann@a.test\r\n"
    "Subject: =?utf-8?q?Stra=C3=9Fe_und_=C3=85ngstr=C3=B6m?=\r\n\r\nGr\u00fc\u00dfe aus K\u00f6ln, \u6771\u4eac\u3067\u4f1a\u3044\u307e\u3057\u3087\u3046\r\n".encode(),
    b"From: robot@a.test\r\nTo: ann@a.test\r\nSubject: Report\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>See the <b>attached</b> file"
    b"\r\n--b\r\nContent-Type: application/pdf; name=\"quarter.pdf\"\r\nContent-Disposition: attachment; filename=\"quarter.pdf\""
    b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 500 + b"\r\n--b--\r\n",
    b"Subject: \r\n\r\n",
)  # fmt: skip
TEXTS = (
    "ada", "Engine", "engine.test", "ada@engine.test", "order", "4711", "meet at noon", "noon paris", "strasse",
    "Ångström", "müller", "köln", "東京", "quarter.pdf", "attached", "pdf", "shop", "ann@a.test", "ben", "café", "x",
    "thank you total", "report", "...", "robot", "a.test",
)  # fmt: skip
texts = st.sampled_from(TEXTS)
HEADERS = ("from", "to", "cc", "subject", "list-id", "delivered-to", "x-shop", "reply-to", "content-type")
leaves = st.one_of(
    st.builds(
        c.Words,
        texts,
        st.sampled_from(("any", "subject", "from", "to", "cc", "bcc", "body", "filename")),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(c.Contains, st.sampled_from(HEADERS), st.one_of(texts, st.just(""))),
    st.builds(c.Larger, st.integers(0, 4000)),
    st.builds(c.Smaller, st.integers(0, 4000)),
    st.just(c.HasAttachment()),
    st.just(c.All()),
    st.sampled_from((c.Flag("seen"), c.Flag("flagged"), c.Keyword("$Important"))),
    st.builds(c.Since, st.sampled_from(("internal", "sent")), st.just(1_792_000_000_000_000)),
    st.builds(c.Before, st.sampled_from(("internal", "sent")), st.just(1_792_000_000_000_000)),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(c.Not, inner),
        st.builds(c.And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(c.Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@pytest.fixture
def arrived(ann: int) -> Iterator[tuple[int, dict[int, Candidate]]]:
    """Each letter as it looked when it came, by its id."""
    found: dict[int, Candidate] = {}
    for number, raw in enumerate(LETTERS):
        prepared, prefix = prepare(raw), b"Delivered-To: ann@a.test\r\n"
        at = now_us() - number * 1_000_000
        candidate = Candidate(prepared.facts, raw, prefix=prefix, at=at)
        stored = mailstore.commit(
            {ann},
            lambda door, prepared=prepared, at=at, prefix=prefix: door.store(
                ann, prepared, "inbox", prefix=prefix, internal_date=at, cause=Cause("smtp")
            ),
        )
        candidate.boxes = {stored.mailbox}
        found[stored.message] = candidate
    yield ann, found


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(criteria=conditions, indexed=st.booleans())
def test_a_filter_and_a_search_agree(
    arrived: tuple[int, dict[int, Candidate]], criteria: c.Criteria, indexed: bool
) -> None:
    mailspace, found = arrived
    if indexed:
        mailstore.index_pending(mailspace=mailspace)
    _count, _more, messages = mailstore.came_in(mailspace, criteria, since=0, limit=100)
    assert set(messages) == {id_ for id_, each in found.items() if each.matches(criteria)}


@given(criteria=conditions)
def test_the_conditions_of_a_rule_survive_being_written_down(criteria: c.Criteria) -> None:
    assert c.load(c.dump(criteria)) == criteria


actions = st.builds(
    Actions,
    skip_inbox=st.booleans(),
    labels=st.lists(st.integers(1, 2**40), max_size=5).map(tuple),
    star=st.booleans(),
    read=st.booleans(),
    important=st.sampled_from((None, True, False)),
    forward=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    keep=st.booleans(),
    delete=st.booleans(),
    never_spam=st.booleans(),
    reply=st.text(max_size=50),
)


@given(does=actions)
def test_what_a_rule_does_survives_being_written_down(does: Actions) -> None:
    assert coding.load(coding.dump(does)) == does


@given(
    stored=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(("labels", "keep", "reply", "forward", "x")), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_anything_else_is_refused_or_understood(stored: object) -> None:
    try:
        understood = coding.load(stored)
    except ValueError:
        return
    assert coding.load(coding.dump(understood)) == understood
