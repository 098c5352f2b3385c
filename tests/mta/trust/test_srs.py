"""SRS: an address of ours that finds its way back, and only one that we made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.address import BadAddress, parse_path
from mta.trust import srs

DAY = 86_400_000_000
NOW = 1_795_402_980_000_000


def test_a_sender_comes_back_from_the_address_that_was_made_of_it():
    made = srs.forward("ann@a.test", domain="b.test", at=NOW)
    assert made.startswith("SRS0=") and made.endswith("=a.test=ann@b.test")
    assert srs.reverse(made, at=NOW) == "ann@a.test"
    assert srs.reverse(made.lower(), at=NOW) == "ann@a.test"


@pytest.mark.parametrize(
    "sender",
    [
        "ann@a.test",
        "SRS0=hash=aa=a.test=ann@other.test",
        "SRS0+x=y@other.test",
        "SRS1=hash=other.test==hash=aa=a.test=ann@third.test",
    ],
)
def test_three_weeks_later_it_means_nobody(sender):
    made = srs.forward(sender, domain="b.test", at=NOW)
    assert srs.reverse(made, at=NOW + 21 * DAY) == srs.reverse(made, at=NOW) is not None
    assert srs.reverse(made.lower(), at=NOW) is not None
    assert srs.reverse(made, at=NOW + 400 * DAY) is None
    assert srs.reverse(made, at=NOW + 22 * DAY) is None
    assert srs.reverse(made, at=NOW - 2 * DAY) is None


def test_a_strange_or_changed_one_means_nobody():
    made = srs.forward("ann@a.test", domain="b.test", at=NOW)
    for changed in (
        made.replace("ann@", "bob@"),
        made.replace("a.test=", "c.test="),
        made.replace("SRS0=", "SRS1="),
        "SRS0=@b.test",
        "SRS0=x@b.test",
        "SRS0=a=b=c@b.test",
        "SRS1=aaaaaaaa=a.test==x@b.test",
        "ann@b.test",
        "@",
        "",
    ):
        assert srs.reverse(changed, at=NOW) is None, changed


def test_another_hosts_address_is_named_with_that_host_and_leads_back_there():
    first = srs.forward("ann@a.test", domain="b.test", at=NOW)
    second = srs.forward(first, domain="c.test", at=NOW)
    assert second.startswith("SRS1=") and "=b.test==" in second
    assert srs.reverse(second, at=NOW) == first
    third = srs.forward(second, domain="d.test", at=NOW)
    assert third.startswith("SRS1=") and "=b.test==" in third and third.endswith("@d.test")
    assert srs.reverse(third, at=NOW) == first


@pytest.mark.parametrize("sender", ["", "ann", "ann@[192.0.2.1]", f"{'x' * 199}@a.test"])
def test_what_cannot_be_rewritten_stays(sender):
    assert srs.forward(sender, domain="b.test", at=NOW) == sender


def test_nobody_gives_an_address_another_day():
    made = srs.forward("SRS0=hash=aa=a.test=ann@other.test", domain="b.test", at=NOW)
    later = srs.forward("SRS0=hash=aa=a.test=ben@other.test", domain="b.test", at=NOW + 40 * DAY)
    assert made[:5] == later[:5] == "SRS1=" and made[5:7] != later[5:7]
    assert srs.reverse(made[:5] + later[5:7] + made[7:], at=NOW + 40 * DAY) is None


def test_our_own_is_not_wrapped_twice():
    made = srs.forward("ann@a.test", domain="b.test", at=NOW)
    assert srs.forward(made, domain="b.test", at=NOW) == made


LOCAL = st.one_of(
    st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}(\.[a-z0-9=+-]{1,10}){0,3}", fullmatch=True),
    st.from_regex(r'"[ -!#-\[\]-~]{1,30}"', fullmatch=True),
    st.from_regex(r"[a-zäöü漢]{1,20}", fullmatch=True),
)


@given(LOCAL, st.sampled_from(["a.test", "xn--bcher-kva.test", "sub.a-b.test"]), st.integers(0, 3 * 10**15))
def test_every_sender_comes_back(local, domain, at):
    try:
        sender = parse_path(f"<{local}@{domain}>")
    except BadAddress:
        return
    made = srs.forward(sender, domain="b.test", at=at)
    if made == sender:
        return
    assert parse_path(made) == made
    assert srs.reverse(made, at=at) == sender
    # RFC 5321 §2.4 notwithstanding: in small letters it still comes back
    assert (srs.reverse(made.lower(), at=at) or "").lower() == sender.lower()


@given(st.text(max_size=300), st.integers(0, 3 * 10**15))
def test_no_text_is_taken_for_an_address_of_ours(text, at):
    assert srs.reverse(text, at=at) is None
    assert srs.reverse(f"SRS0={text}@b.test", at=at) is None
    assert srs.reverse(f"SRS1={text}@b.test", at=at) is None
    srs.forward(text, domain="b.test", at=at)
