"""Addresses: what is delivered to, and nothing else, comes out of a field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.address import (
    Address,
    BadAddress,
    Group,
    canonical,
    canonical_domain,
    domain_for_display,
    format_address,
    parse_addresses,
    parse_path,
    scan_addresses,
    split,
)
from mta.message.headers import one_line, parse_header

from .strategies import MODEST, mailish


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ann@b.test", [("", "ann@b.test")]),
        ("Ann Lee <ann@b.test>", [("Ann Lee", "ann@b.test")]),
        ('"Lee, Ann" <ann@b.test>, ben@b.test', [("Lee, Ann", "ann@b.test"), ("", "ben@b.test")]),
        ("ann@b.test (Ann Lee)", [("Ann Lee", "ann@b.test")]),
        ("Ann (of (the) house) Lee <ann@b.test>", [("Ann Lee", "ann@b.test")]),
        ("=?utf-8?q?J=C3=B6rg=2C?= =?utf-8?q?_X?= <j@b.test>", [("Jörg, X", "j@b.test")]),
        ("=?utf-8?q?J=C3=B6rg,_X?= <j@b.test>", [("Jörg, X", "j@b.test")]),
        ("Jörg <j@b.test>", [("Jörg", "j@b.test")]),
        (
            "team: ann@b.test, Ben <ben@b.test>;, c@b.test",
            [("", "ann@b.test"), ("Ben", "ben@b.test"), ("", "c@b.test")],
        ),
        ("undisclosed-recipients:;", []),
        ('"john doe"@b.test', [("", '"john doe"@b.test')]),
        ("<@relay.test,@other.test:ann@b.test>", [("", "ann@b.test")]),
        (" ann . lee @ b . test ", [("", "ann.lee@b.test")]),
        ("Ann Lee<ann@B.TEST>", [("Ann Lee", "ann@b.test")]),
        ("ann@[192.0.2.1]", [("", "ann@[192.0.2.1]")]),
        ("Q. Public <q@b.test>", [("Q. Public", "q@b.test")]),
        ("root", [("", "root")]),
        ("", []),
        (" , ,", []),
        ("<>", []),
    ],
)
def test_an_address_list_reads_as_its_mailboxes(written, expected):
    found = parse_addresses(written)
    assert [(each.name, each.email) for each in found] == expected
    assert parse_addresses(written.encode()) == found


@pytest.mark.parametrize(
    "written",
    [
        '"victim@bank.test" <thief@evil.test>',
        "victim@bank.test <thief@evil.test>",
        "thief@evil.test (victim@bank.test)",
        "(<victim@bank.test>) thief@evil.test",
        '"<victim@bank.test>" <thief@evil.test>',
        '"a\\" <victim@bank.test>" <thief@evil.test>',
        "=?utf-8?q?victim=40bank.test?= <thief@evil.test>",
        "=?utf-8?q?=3Cvictim=40bank.test=3E?= <thief@evil.test>",
        "<@bank.test:thief@evil.test>",
    ],
)
def test_the_address_never_comes_from_a_name_or_a_comment(written):
    assert [each.email for each in parse_addresses(written)] == ["thief@evil.test"]


@pytest.mark.parametrize(
    "written",
    [
        "a@b.test@c.test",
        "<a@b.test> <c@d.test>",
        "<a@b.test> c@d.test",
        "<a@b.test",
        "a b@c.test",
        '"a" b@c.test',
        "a@b.test c",
        "Ann <a@b.test@c.test>",
        "Ann <a@>",
        "Ann <@b.test>",
        '"never closed <a@b.test>',
        "(never closed <a@b.test>",
        "a@b..test",
    ],
)
def test_an_ambiguous_entry_names_nobody(written):
    assert [each.domain for each in parse_addresses(written) if each.domain] == []


def test_groups_keep_their_marks_for_the_envelope():
    assert scan_addresses("x: a@b.test;") == [Group("x"), Address("", "a", "b.test"), Group(None)]


def test_only_so_many_addresses_are_read():
    assert len(parse_addresses(b"a@b.test, " * 2000)) == 500
    assert len(parse_addresses(b'"x" (y) <a@b.test>, ' * 2000, 7)) == 7


def test_names_lose_controls_and_marks_that_turn_the_text_around():
    (found,) = parse_addresses("=?utf-8?q?a=0D=0ABcc:_x=00=E2=80=AEtxt?= <a@b.test>")
    assert found.name == "a Bcc: xtxt"


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<ann@b.test>", "ann@b.test"),
        ("Ann@B.Test", "Ann@b.test"),
        ("<>", ""),
        ("", ""),
        ('<"john doe"@b.test>', '"john doe"@b.test'),
        ('"john"@b.test', "john@b.test"),
        ('"a\\"b"@b.test', '"a\\"b"@b.test'),
        ("a+b=c/d!e%f@b.test", "a+b=c/d!e%f@b.test"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:DB8:0::1]", "a@[IPv6:2001:db8::1]"),
        ("Postmaster", "Postmaster"),
        ("jörg@bücher.test", "jörg@xn--bcher-kva.test"),
        ("a@b.test.", "a@b.test"),
        ("a@localhost", "a@localhost"),
    ],
)
def test_a_path_gives_its_address(path, address):
    assert parse_path(path) == address


@pytest.mark.parametrize(
    "path",
    [
        *(
            '""@b.test',
            "@relay.test:a@b.test",
            "a..b@c.test",
            ".a@b.test",
            "a.@b.test",
            "a@",
            "a@-b.test",
            "a@b-.test",
        ),
        *(
            "a@b..test",
            "a@b.test c",
            "a b@c.test",
            "a@b.test\r\n",
            "a\0@b.test",
            "a@b@c.test",
            "a@[1.2.3]",
            "a@[x",
            "<a@b",
        ),
        *(
            "x" * 201 + "@b.test",
            "a@" + "b" * 64 + ".test",
            "a@" + "b." * 130 + "test",
            "a@b.test>",
            "a@b_c!.test",
        ),
        *(
            '"a@b.test',
            '"a\nb"@c.test',
            "$(id)@b.test",
            "a\u2028@b.test",
            "a@b.test <c@d.test>",
            "a,b@c.test",
        ),
    ],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(BadAddress):
        parse_path(path)


def test_canonical_addresses_compare_equal():
    assert canonical("Ann.Lee@Example.TEST.") == canonical("ann.lee@example.test") == "ann.lee@example.test"
    assert canonical("A@BÜCHER.test") == "a@xn--bcher-kva.test"
    with pytest.raises(BadAddress):
        canonical("ann")
    with pytest.raises(BadAddress):
        canonical("@b.test")
    with pytest.raises(BadAddress):
        canonical_domain("")


def test_splitting_is_at_the_last_at():
    assert split('"a@b"@c.test') == ('"a@b"', "c.test")
    assert split("ann") == ("ann", "")


def test_domains_that_pretend_to_be_others_stay_encoded():
    assert domain_for_display("xn--bcher-kva.test") == "bücher.test"
    assert domain_for_display("xn--pple-43d.com") == "xn--pple-43d.com"  # Cyrillic а
    assert domain_for_display("xn--80ak6aa92e.com") == "xn--80ak6aa92e.com"  # all Cyrillic, looks like apple
    assert domain_for_display("xn--fsqu00a.xn--0zwm56d") == "例子.测试"
    assert domain_for_display("xn--x.test") == "xn--x.test"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "a@b.test"),
        ("Ann Lee", "Ann Lee <a@b.test>"),
        ("Lee, Ann", '"Lee, Ann" <a@b.test>'),
        ('a"b\\c', '"a\\"b\\\\c" <a@b.test>'),
        ("Jörg", "=?utf-8?b?SsO2cmc=?= <a@b.test>"),
        ("=?utf-8?q?=0ABcc:?=", "=?utf-8?b?PT91dGYtOD9xPz0wQUJjYzo/PQ==?= <a@b.test>"),
        ("a\r\nBcc: x@y.test", '"a Bcc: x@y.test" <a@b.test>'),
    ],
)
def test_an_address_is_written_for_a_header(name, written):
    assert format_address(name, "a@b.test") == written


_names = st.text(max_size=80)
_locals = st.from_regex(r"[a-z0-9!#+=-]{1,12}(\.[a-z0-9]{1,8})?", fullmatch=True)
_domains = st.from_regex(r"[a-z0-9]{1,12}(\.[a-z]{2,8}){1,2}", fullmatch=True)


@MODEST
@given(_names, _locals, _domains)
def test_what_is_written_reads_back(name, local, domain):
    written = format_address(name, f"{local}@{domain}")
    (found,) = parse_addresses(written)
    assert (found.local, found.domain) == (local, domain)
    assert found.name == _as_read(name)
    assert parse_addresses(f"{written}, {written}") == (found, found)


def _as_read(name: str) -> str:
    return one_line(one_line(name)[:250]).strip()


@MODEST
@given(_names, st.text(max_size=60))
def test_no_name_or_address_begins_a_new_line(name, email):
    written = format_address(name, email)
    assert written.splitlines() in ([written], [])
    assert [field.name for field in parse_header(b"To: " + written.encode() + b"\r\n")] == ["to"]


@MODEST
@given(mailish)
def test_reading_addresses_never_raises(raw):
    for each in parse_addresses(raw):
        assert "\0" not in each.name + each.local + each.domain
        each.email.encode()
        each.display.encode()


@MODEST
@given(st.one_of(st.text(max_size=40), mailish.map(lambda raw: raw.decode("latin-1"))))
def test_a_path_is_read_or_refused(text):
    try:
        address = parse_path(text)
    except BadAddress:
        return
    assert parse_path(address) == address
