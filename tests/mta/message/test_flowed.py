"""format=flowed: what is written comes back, lines are short, and nothing in them is read as something else."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.build import build
from mta.message.flowed import MAX_DEPTH, SIGNATURE, flow, quoted, unflow
from mta.message.tree import decoded_text, parse_tree

from .strategies import MODEST
from .test_build import PLAIN

WORDS = st.sampled_from(["word", "a", ">", ">>", "From", "--", "-- ", "  ", "Grüße", "漢字", "x" * 90, ""])
LINES = st.lists(WORDS, max_size=30).map(" ".join)
TEXTS = st.lists(LINES, max_size=8).map("\n".join)


def normal(text: str) -> str:
    """As it comes back: marks of quotations in one spelling, no spaces at line ends but the signature's."""
    lines = []
    for line in text.split("\n"):
        depth, rest = quoted(line)
        rest = rest if rest == SIGNATURE else rest.rstrip(" ")
        lines.append(f"{'>' * depth} {rest}" if depth else rest)
    return "\n".join(lines)


@MODEST
@given(TEXTS)
def test_a_text_comes_back_from_flowing(text: str) -> None:
    assert unflow(flow(text)) == normal(text)


@MODEST
@given(TEXTS)
def test_lines_are_short_and_none_looks_like_another_thing(text: str) -> None:
    for line in flow(text).split("\n"):
        assert len(line) <= 78 or " " not in line.strip(" ").lstrip(">").strip(" ")
        assert not line.startswith("From ")


@MODEST
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\r"), max_size=400))
def test_any_text_survives_mail_word_for_word(text: str) -> None:
    raw = build(replace(PLAIN, text=text, flowed=True), with_bcc=False)
    part = parse_tree(raw)
    assert part.params["format"] == "flowed" and part.params["delsp"] == "no"
    back = unflow(decoded_text(raw, part))
    wanted = normal(re.sub(r"\r\n?", "\n", text.replace("\0", "")))
    assert (
        re.sub(r"\s+", " ", back.encode("utf-8", "replace").decode()).strip()
        == re.sub(r"\s+", " ", wanted.encode("utf-8", "replace").decode()).strip()
    )
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed.get_content_type() == "text/plain" and not parsed.defects


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("> quoted", "> quoted"),
        ("> > twice", ">> twice"),
        (">", ">"),
        ("From here", " From here"),
        (" indented", "  indented"),
        (SIGNATURE, SIGNATURE),
        ("> -- ", "> -- "),
        ("hard end  ", "hard end"),
    ],
)
def test_single_lines(line: str, written: str) -> None:
    assert flow(line) == written


def test_a_very_deep_quotation_stays_bounded() -> None:
    assert flow(">" * 5000).count(">") <= MAX_DEPTH
