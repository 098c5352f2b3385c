"""Senders who are not whom they seem, and the many who are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.lookalike import Circle, difference, judge, mixes_scripts, resembles, skeleton

OWN = [("Ann Lee", "ann@harbour.test"), ("", "office@harbour.test")]
KNOWN = [
    ("Ada Lovelace", "ada@northwind.test"),
    ("Ben Okri", "ben.okri@gmail.com"),
    ("Support", "help@paypal.com"),
    ("Ivan Petrov", "ivan@пример.рф"),
]


def kinds(name: str, address: str, **more: object) -> list[tuple[str, bool]]:
    found = judge((name, address), known=KNOWN, own=OWN, **more)  # type: ignore[arg-type]
    return [(each.kind, each.danger) for each in found]


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("northw1nd.test", "northwind.test"),
        ("northvvind.test", "northwind.test"),
        ("mail.paypaI.com", "paypal.com"),
        ("xn--pypal-4ve.com", "paypal.com"),
        ("pаypal.com", "paypal.com"),
        ("harobur.test", "harbour.test"),
        ("harrbour.test", "harbour.test"),
        ("har-bour.test", "harbour.test"),
        ("hаrbоur.test", "harbour.test"),
    ],
)
def test_domains_that_look_like_known_ones_are_dangerous(domain: str, known: str) -> None:
    assert resembles(domain.lower(), known)
    assert kinds("Somebody", f"x@{domain}")[0] == ("lookalike-domain", True)


@pytest.mark.parametrize(
    "domain",
    [
        "northwind.test",
        "mail.northwind.test",
        "southwind.test",
        "harbours.example",
        "acme.test",
        "gmail.com",
        "t.co",
    ],
)
def test_other_domains_are_nobodys_copies(domain: str) -> None:
    assert not any(resembles(domain, known.rpartition("@")[2]) for _name, known in KNOWN + OWN)
    assert kinds("Somebody New", f"x@{domain}") == []


def test_alphabets_mixed_in_one_label_are_dangerous() -> None:
    assert kinds("X", "x@gооgle-mail.test")[0] == ("mixed-script", True)
    assert kinds("X", "x@" + "gооgle.test".encode("idna").decode())[0] == ("mixed-script", True)
    assert not mixes_scripts("пример.рф")
    assert not mixes_scripts("日本のgoo.jp")
    assert not mixes_scripts("bücher.test")


def test_a_name_that_shows_another_address_is_odd_and_dangerous_if_it_is_a_known_place() -> None:
    assert kinds("ada@northwind.test", "x@evil.test") == [("name-is-address", True)]
    assert kinds("ceo@bank.test (secure)", "x@evil.test") == [("name-is-address", False)]
    assert kinds("x@evil.test", "x@mail.evil.test") == []
    assert kinds("ada@northwind.test via Board", "board@lists.test", from_list=True) == []


def test_a_known_name_at_another_address_is_named() -> None:
    assert kinds("Ada Lovelace", "ada.l@webmail.test") == [("known-name", False)]
    assert kinds("ANN LEE", "boss@evil.test") == [("colleague-name", False)]
    assert kinds("Аnn Lее", "boss@evil.test") == [("colleague-name", True)]
    assert kinds("Support", "x@shop.test") == []
    assert kinds("Ada Lovelace", "ada2@northwind.test") == []
    assert kinds("Ada Lovelace", "ada@northwind.test") == []


def test_answers_that_go_elsewhere_are_named_where_it_matters() -> None:
    assert kinds("Ann Lee", "ann@harbour.test", reply_to="ann.lee@gmail.com") == [("reply-elsewhere", True)]
    assert kinds("Ada Lovelace", "ada@northwind.test", reply_to="x@evil.test") == [("reply-elsewhere", False)]
    assert kinds("News", "news@shop.test", reply_to="reply@mailer.test") == []
    assert kinds("News", "news@shop.test", reply_to="shop@gmail.com") == [("reply-elsewhere", False)]
    assert kinds("Form", "form@site.test", reply_to="ada@northwind.test") == []
    assert kinds("News", "news@shop.test", reply_to="shop@gmail.com", from_list=True) == []


def test_nobody_known_means_nothing_to_compare() -> None:
    assert judge(("Ada Lovelace", "ada@northwind.test")) == ()
    assert judge(("", "")) == ()
    assert judge(("x", "no address")) == ()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_no_name_or_address_breaks_it(name: str, address: str, reply_to: str) -> None:
    judge((name, f"x@{address}"), reply_to=reply_to, known=KNOWN, own=OWN)
    judge((name, address), reply_to=f"y@{reply_to}", known=[(address, name)], own=OWN)
    assert skeleton(name) == skeleton(name)


def test_a_large_circle_is_compared_quickly() -> None:
    known = [(f"Person Number{n}", f"p@company{n}.test") for n in range(2000)]
    circle = Circle.of(known, OWN)
    circle.judge_sender(("X", "x@company1.test"), reply_to="", from_list=False)
    started = time.process_time()
    for n in range(20):
        circle.judge_sender(("Some Body" * 1000, f"x@c0mpany-{n}.test"), reply_to="", from_list=False)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("domain", "known", "said"),
    [
        ("northwlnd.test", "northwind.test", "After “northw”, “l” stands where northwind.test has “i”."),
        ("harrbour.test", "harbour.test", "It has one sign more than harbour.test: “r”, after “har”."),
        ("nrthwind.test", "northwind.test", "It lacks “o” after “n”, which northwind.test has."),
        (
            "nоrthwind.test",
            "northwind.test",
            "“о”: Cyrillic, not Latin. Machines read it as xn--nrthwind-nbh.test.",
        ),
    ],
)
def test_the_sign_that_differs_is_named(domain: str, known: str, said: str) -> None:
    assert said in difference(domain, known)


def test_one_warning_holds_both_the_name_and_the_place() -> None:
    (found,) = judge(("Ada Lovelace", "ada@northwlnd.test"), known=KNOWN, own=OWN)
    assert found.text.startswith("This is not Ada Lovelace of northwind.test.")
    assert "“l” stands where" in found.more
