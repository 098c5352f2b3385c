"""Where links lead, and which pictures only count readers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.links import follow, site, warn, without_marks
from webmail.tracking import is_pixel


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://a.test/?utm_source=x&id=5&utm_medium=y", "https://a.test/?id=5"),
        ("https://a.test/p?fbclid=1&gclid=2&mc_eid=3", "https://a.test/p"),
        ("https://a.test/p?a=1;b=2&q=%20x+y&MSCLKID=3", "https://a.test/p?a=1;b=2&q=%20x+y&MSCLKID=3"),
        ("https://a.test/p?%75tm_source=x", "https://a.test/p"),
        ("https://a.test/p#utm_source=x&utm_medium=y", "https://a.test/p"),
        ("https://a.test/p?utm_source=x#part=2", "https://a.test/p#part=2"),
        ("https://a.test/?token=utm_source", "https://a.test/?token=utm_source"),
        ("https://a.test/?a&b=&c", "https://a.test/?a&b=&c"),
    ],
)
def test_what_tells_readers_apart_is_taken_off_and_nothing_else_changes(url: str, plain: str) -> None:
    assert without_marks(url) == plain
    assert follow(url).href == plain


@pytest.mark.parametrize(
    ("url", "href", "kind"),
    [
        (
            "https://www.google.com/url?q=https://a.test/x%3Fb%3D1%26utm_source%3Dy&sa=D",
            "https://a.test/x?b=1",
            "unwrapped",
        ),
        ("https://www.google.co.uk/url?url=https%3A%2F%2Fa.test%2F", "https://a.test/", "unwrapped"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fa.test%2F&h=AT0", "https://a.test/", "unwrapped"),
        (
            "https://l.facebook.com/l.php?u=javascript:alert(1)",
            "https://l.facebook.com/l.php?u=javascript:alert(1)",
            "",
        ),
        (
            "https://google.evil.test/url?q=https://a.test/",
            "https://google.evil.test/url?q=https://a.test/",
            "",
        ),
        (
            "https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.youtube.com%2Fredirect%3Fq%3Dhttps%253A%252F%252Fa.test%252F",
            "https://a.test/",
            "unwrapped",
        ),
    ],
)
def test_redirectors_are_passed_by(url: str, href: str, kind: str) -> None:
    found = follow(url)
    assert (found.href, found.kind) == (href, kind)


def test_gateways_stay_but_their_target_is_named() -> None:
    safelink = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.test%2Fx&data=05"
    assert follow(safelink).href == safelink
    assert (follow(safelink).host, follow(safelink).shown, follow(safelink).kind) == (
        "a.test",
        "a.test/x",
        "guard",
    )
    v2 = "https://urldefense.proofpoint.com/v2/url?u=https-3A__a.test_x-3Fy-3D1&d=DwMFAg&c=x"
    assert follow(v2).shown == "a.test/x"
    v3 = "https://urldefense.com/v3/__https://a.test/x*y__;Kw!!abc!def$"
    assert follow(v3).shown == "a.test/x+y"


def test_counters_that_hide_their_target_are_named() -> None:
    assert follow("https://x.us1.list-manage.com/track/click?u=1&id=2").kind == "counted"
    assert follow("https://click.shop.test/ls/click?upn=abc").kind == "counted"
    assert follow("https://bit.ly/abc").kind == "counted"
    assert follow("https://click.test/").kind == ""


@pytest.mark.parametrize(
    ("text", "url", "warned"),
    [
        ("https://bank.test/login", "https://evil.test/", True),
        ("www.bank.test", "https://bank.test.evil.test/", True),
        ("bank.test", "https://bank.test/", False),
        ("www.bank.test/a", "https://login.bank.test/b", False),
        ("Click here", "https://evil.test/", False),
        ("ada@bank.test", "https://evil.test/", True),
        ("report.pdf", "https://files.test/report", False),
        ("Version 2.10.3", "https://a.test/", False),
        ("2.10.3", "https://a.test/", False),
        ("bank.co.uk", "https://evil.co.uk/", True),
        ("bank.test", "https://www.google.com/url?q=https://bank.test/", False),
        (
            "bank.test",
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fbank.test%2F",
            False,
        ),
        ("раураl.test", "https://paypal.test/", True),
    ],
)
def test_a_text_that_names_another_host_is_warned_of(text: str, url: str, warned: bool) -> None:
    assert warn(text, follow(url)) is warned


def test_hosts_are_shown_in_letters_unless_that_would_fool() -> None:
    assert follow("https://xn--bcher-kva.test/").host == "bücher.test"
    mixed = "pаypal.test".encode("idna").decode()
    assert follow(f"https://{mixed}/").host == mixed
    assert site("mail.a.co.uk") == "a.co.uk"
    assert site("a.b.example.test") == "example.test"


@pytest.mark.parametrize(
    ("url", "about", "pixel"),
    [
        ("https://a.test/x.gif", {"width": "1", "height": "1"}, True),
        ("https://a.test/x.gif", {"width": "0"}, True),
        ("https://a.test/x.gif", {"style": "width:1px;height:1px"}, True),
        ("https://a.test/x.gif", {"style": "display:none"}, True),
        ("https://a.test/x.gif", {"style": "display:none", "width": "320", "height": "200"}, False),
        ("https://a.test/x.gif", {"width": "600", "height": "1"}, False),
        ("https://a.test/x.gif", {"width": "1%"}, False),
        ("https://a.test/x.gif", {"width": "100%"}, False),
        ("https://u1.ct.sendgrid.net/wf/open?upn=x", {}, True),
        ("https://shop.us1.list-manage.com/track/open.php?u=1", {}, True),
        ("https://www.google-analytics.com/collect?v=1", {"width": "300"}, True),
        ("https://a.test/harbour.jpg", {}, False),
        ("https://a.test/images/open-day.png", {"width": "300"}, False),
        ("https://pixel.test/photo.png", {}, False),
    ],
)
def test_pictures_that_only_count_are_known(url: str, about: dict[str, str], pixel: bool) -> None:
    assert is_pixel(url, **about) is pixel


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="htps:/?&=#@.%u_amrgoleq-xn[]\\ \u0430\u200f", max_size=120))
def test_no_address_breaks_or_becomes_a_script(url: str) -> None:
    found = follow(f"https://{url}")
    assert found.href.startswith(("http://", "https://"))
    assert not set(found.shown) & set("\u202e\u200f\n")
    warn(url, found)


@pytest.mark.parametrize(
    "piece", ["a.", "utm_source=x&", "%75", "https://google.com/url?q=", "-", "__", "/v3/__"]
)
def test_long_addresses_cost_little(piece: str) -> None:
    started = time.process_time()
    follow("https://a.test/?" + piece * (2_000_000 // len(piece)))
    follow("https://a.test/?" + piece * (4000 // len(piece)))
    warn(piece * 200_000, follow("https://a.test/"))
    is_pixel("https://a.test/" + piece * 100_000, style=piece * 100_000)
    assert time.process_time() - started < 1
