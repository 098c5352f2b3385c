"""Rates and policies as an administrator writes them, and keys as strangers make them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.limits.policy import Policy, read
from mta.limits.rates import LONGEST_KEY, BadLimit, Rate, short


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("60/1m", Rate(60, 60)),
        ("60/m", Rate(60, 60)),
        (" 5 / 10 s ", Rate(5, 10)),
        ("1000/1h", Rate(1000, 3600)),
        ("3/2d", Rate(3, 172_800)),
        ("off", Rate(0, 60)),
    ],
)
def test_a_rate_reads_as_it_is_spoken(text: str, rate: Rate) -> None:
    assert Rate.parse(text, name="LIMIT_X") == rate


@pytest.mark.parametrize(
    "text", ["", "60", "60/", "-1/m", "0/m", "5/0m", "60/1y", "1e9/m", "60/1m/2", "६/m x"]
)
def test_what_is_no_rate_is_refused_with_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(BadLimit, match="LIMIT_X"):
        Rate.parse(text, name="LIMIT_X")


def test_an_empty_environment_is_the_default_policy() -> None:
    assert read(lambda _name: "") == Policy()


def test_each_setting_reaches_its_field() -> None:
    given = {
        "LIMIT_ERRORS": "7",
        "LIMIT_GREETING_DELAY": "0.5",
        "LIMIT_UNKNOWN_RATE": "9/1h",
        "LIMIT_HELLO": "Score",
    }
    policy = read(lambda name: given.get(name, ""))
    assert (policy.errors, policy.greeting_delay, policy.hello) == (7, 0.5, "score")
    assert policy.unknown_rate == Rate(9, 3600)
    assert policy.commands == Policy().commands


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LIMIT_ERRORS", "0"),
        ("LIMIT_ERRORS", "many"),
        ("LIMIT_ERRORS", "-3"),
        ("LIMIT_RECIPIENTS", "10"),  # RFC 5321 §4.5.3.1.8
        ("LIMIT_GREETING_DELAY", "nan"),
        ("LIMIT_GREETING_DELAY", "600"),
        ("LIMIT_COMMAND_SECONDS", "off"),
        ("LIMIT_HELLO", "friendly"),
        ("LIMIT_CONNECTION_RATE", "120"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_a_sentence(name: str, text: str) -> None:
    with pytest.raises(BadLimit, match=name):
        read(lambda asked: text if asked == name else "")


@given(st.text(max_size=400))
def test_a_key_is_bounded_and_different_keys_stay_different(key: str) -> None:
    assert len(short(key)) <= LONGEST_KEY and "\0" not in short(key)
    assert short(key + "a" * 200) != short(key + "b" * 200)


def test_the_readme_explains_every_limit_and_its_default() -> None:
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `LIMIT_")]
    told: dict[str, str] = {}
    for _, names, defaults, *_rest in rows:
        told |= dict(
            zip(re.findall(r"`(\w+)`", names), defaults.replace("`", "").strip().split(", "), strict=True)
        )
    assert told.keys() == {f"LIMIT_{each.name.upper()}" for each in fields(Policy)}
    assert read(lambda name: told[name]) == Policy()
