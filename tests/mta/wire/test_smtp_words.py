"""Parameters of RFC 3461, 3030 and 4865: what they mean, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.wire.smtp_words import (
    LONGEST_ENVID,
    LONGEST_HOLD,
    LONGEST_ORCPT,
    SECOND,
    BadWord,
    from_xtext,
    latest_hold,
    read_chunk,
    read_envid,
    read_hold,
    read_notify,
    read_orcpt,
    read_ret,
    shown_envid,
    shown_orcpt,
    to_xtext,
)

NOW = 1_795_000_000 * SECOND  # 2026-11-18


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=60))
def test_xtext_says_what_was_written(text: str) -> None:
    assert from_xtext(to_xtext(text)) == text
    assert to_xtext(text).isascii() and "=" not in to_xtext(text) and " " not in to_xtext(text)


@pytest.mark.parametrize("word", ["a b", "a=b", "+0", "+G0", "a+0Db", "a+0Ab", "+00", "+FF", "ä", "a\r\nb"])
def test_what_is_no_xtext_is_refused(word: str) -> None:
    with pytest.raises(BadWord):
        from_xtext(word)


@given(st.text(max_size=700))
def test_whatever_is_let_through_can_stand_in_a_command_and_in_a_report(text: str) -> None:
    for read, show, longest in (
        (read_envid, shown_envid, LONGEST_ENVID),
        (read_orcpt, shown_orcpt, LONGEST_ORCPT),
    ):
        try:
            word = read(text)
        except BadWord:
            continue
        assert len(word) <= longest and word.isascii() and word.isprintable() and " " not in word
        assert show(word).isprintable()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("never", "NEVER"),
        ("FAILURE,SUCCESS", "SUCCESS,FAILURE"),
        ("delay", "DELAY"),
        ("success,failure,delay", "SUCCESS,FAILURE,DELAY"),
    ],
)
def test_notify(value: str, said: str) -> None:
    assert read_notify(value) == said


@pytest.mark.parametrize(
    "value", ["", None, "NEVER,SUCCESS", "SUCCESS,SUCCESS", "SUCCESS,", "ALWAYS", "NEVER,NEVER"]
)
def test_notify_that_is_none(value: str | None) -> None:
    with pytest.raises(BadWord):
        read_notify(value)


@pytest.mark.parametrize(
    ("value", "kept", "shown"),
    [
        ("rfc822;ann@example.test", "rfc822;ann@example.test", "rfc822;ann@example.test"),
        ("rfc822;ann+2Bx@example.test", "rfc822;ann+2Bx@example.test", "rfc822;ann+x@example.test"),
        ("utf-8;jürgen@example.test", "utf-8;j\\x{FC}rgen@example.test", "utf-8;j\\x{FC}rgen@example.test"),
    ],
)
def test_orcpt(value: str, kept: str, shown: str) -> None:
    assert read_orcpt(value) == kept
    assert shown_orcpt(kept) == shown


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "ann@example.test",
        "rfc822;",
        ";ann",
        "rfc822;a b",
        "rfc822;a+0D+0ABcc:x",
        "rfc822;" + "a" * 500,
    ],
)
def test_orcpt_that_is_none(value: str | None) -> None:
    with pytest.raises(BadWord):
        read_orcpt(value)


def test_ret() -> None:
    assert (read_ret("full"), read_ret("HDRS")) == ("FULL", "HDRS")
    for value in (None, "", "ALL"):
        with pytest.raises(BadWord):
            read_ret(value)


@given(st.integers(0, 10**20 - 1), st.booleans())
def test_bdat_says_how_many_bytes_and_whether_they_are_the_last(size: int, last: bool) -> None:
    assert read_chunk(f"{size}{' last' if last else ''}") == (size, last)


@pytest.mark.parametrize(
    "argument",
    ["", "LAST", "-1", "+1", "1.0", "0x10", "1LAST", "1 LAST 2", "1 2", "1" * 21, "²", "１", "1 LAST\n"],
)
def test_bdat_that_says_something_else(argument: str) -> None:
    with pytest.raises(BadWord):
        read_chunk(argument)


def test_mail_is_held_for_so_long_or_until_then() -> None:
    assert read_hold("3600", None, now=NOW) == NOW + 3600 * SECOND
    assert read_hold(None, "2026-11-20T08:00:00Z", now=NOW) == 1_795_161_600 * SECOND
    assert read_hold(None, "2026-11-20T10:00:00+02:00", now=NOW) == 1_795_161_600 * SECOND
    assert read_hold(None, "2020-01-01T00:00:00Z", now=NOW) == 0  # that was long ago: at once
    assert read_hold(None, None, now=NOW) == 0
    assert latest_hold(NOW).startswith(f"{LONGEST_HOLD} 2027-11-")


@pytest.mark.parametrize(
    ("seconds", "until"),
    [
        ("60", "2026-11-20T08:00:00Z"),
        ("0", None),
        ("-5", None),
        ("", None),
        (str(LONGEST_HOLD + 1), None),
        ("9" * 12, None),
        (None, ""),
        (None, "tomorrow"),
        (None, "2026-13-01T00:00:00Z"),
        (None, "2026-02-30T00:00:00Z"),
        (None, "2026-11-20"),
        (None, "9999-12-31T23:59:59Z"),
        (None, "9999-12-31T23:59:59-12:00"),
    ],
)
def test_moments_that_are_none(seconds: str | None, until: str | None) -> None:
    with pytest.raises(BadWord):
        read_hold(seconds, until, now=NOW)
