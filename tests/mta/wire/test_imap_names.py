"""LIST patterns against the plainest way to say what they mean, and against whoever wants them to take for ever."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from mta.wire.imap.names import Patterns, parents

pieces = st.lists(st.sampled_from(["a", "b", "/", "*", "%", "INBOX", "inbox", "ü"]), max_size=8).map("".join)
levels = st.lists(st.sampled_from(["a", "b", "ab", "INBOX", "ü", "*"]), min_size=1, max_size=4).map("/".join)


def plainly(pattern: str, name: str) -> bool:
    if name.partition("/")[0] == "INBOX":
        pattern = pattern[:5].upper() + pattern[5:]
    means = "".join(
        ".*" if letter == "*" else "[^/]*" if letter == "%" else re.escape(letter) for letter in pattern
    )
    return re.fullmatch(means, name, re.DOTALL) is not None


@given(st.lists(pieces, min_size=1, max_size=4), levels)
def test_a_name_matches_when_one_of_the_patterns_does(patterns: list[str], name: str) -> None:
    # Wildcards in a row are one to us, so the first five letters are those of the shorter pattern.
    simple = [re.sub(r"[*%]{2,}", lambda run: "*" if "*" in run[0] else "%", each) for each in patterns]
    assert Patterns(patterns).match(name) == any(plainly(each, name) for each in simple)


def test_five_thousand_long_names_and_many_wildcards_take_moments() -> None:
    patterns = Patterns(["%a*" * 10 + "b", "*a%" * 10 + "c"])
    names = ["a" * 240 + str(number) for number in range(5000)]
    begin = time.process_time()
    assert not any(patterns.match(name) for name in names)
    assert time.process_time() - begin < 3


@given(st.lists(levels, max_size=6))
def test_every_level_above_a_name_is_known(names: list[str]) -> None:
    found = parents(names)
    assert found == {name[:at] for name in names for at in range(len(name)) if name[at] == "/"}
