"""The resolver against a small DNS: facts and trouble are kept apart."""

import asyncio
import time

import pytest

from mta.resolver import (
    FOUND,
    NO_DATA,
    NO_NAME,
    Dns,
    Mx,
    Temporary,
    addresses_sync,
    is_public,
    txt_sync,
    use,
)
from mta.sandbox.dns import BROKEN
from tests.dns_server import serving

ZONE = {
    "a.test": {"MX": ["20 mx2.a.test.", "10 MX1.a.test."], "TXT": ['"v=spf1 " "mx -all"', '"other"']},
    "mx1.a.test": {"A": ["127.0.0.1"], "AAAA": ["::1"]},
    "null.test": {"MX": ["0 ."]},
    "www.a.test": {"CNAME": ["mx1.a.test."]},
    "broken.test": BROKEN,
    "big.test": {"TXT": [f'"{number:0>200}"' for number in range(60)]},
    "1.0.0.127.in-addr.arpa": {"PTR": ["mail.a.test."]},
}


@pytest.fixture(scope="module")
def resolver():
    with serving(ZONE) as server:
        yield Dns([(server.host, server.port)])


def test_mail_exchangers_come_with_their_preference_and_in_lower_case(resolver):
    answer = asyncio.run(resolver.mx("a.test."))
    assert answer.status == FOUND
    assert set(answer.values) == {Mx(10, "mx1.a.test"), Mx(20, "mx2.a.test")}


def test_a_null_mx_is_an_exchanger_without_a_name(resolver):
    assert asyncio.run(resolver.mx("null.test")).values == (Mx(0, ""),)


def test_a_name_without_the_type_is_no_data_and_an_unknown_one_is_no_name(resolver):
    assert asyncio.run(resolver.mx("mx1.a.test")).status == NO_DATA
    assert asyncio.run(resolver.mx("nowhere.test")).status == NO_NAME


def test_both_families_of_addresses_are_one_answer(resolver):
    assert asyncio.run(resolver.addresses("mx1.a.test")).values == ("::1", "127.0.0.1")
    assert asyncio.run(resolver.addresses("nowhere.test")).status == NO_NAME


def test_one_family_alone_is_asked_for(resolver):
    assert asyncio.run(resolver.addresses("mx1.a.test", family=4)).values == ("127.0.0.1",)
    assert asyncio.run(resolver.addresses("mx1.a.test", family=6)).values == ("::1",)
    assert asyncio.run(resolver.addresses("a.test", family=6)).status == NO_DATA
    assert asyncio.run(resolver.addresses("nowhere.test", family=4)).status == NO_NAME


def test_an_answer_is_known_for_as_long_as_it_holds(monkeypatch):
    with serving(dict(ZONE)) as server:
        dns, fresh = Dns([(server.host, server.port)]), Dns([(server.host, server.port)], cached=False)
        assert dns.known("TXT", "a.test") is None
        for each in (dns, fresh):
            asyncio.run(each.txt("A.test"))
            asyncio.run(each.addresses("mx1.a.test", family=4))
            asyncio.run(each.ptr("127.0.0.1"))
        known = dns.known("TXT", "a.Test")
        assert known is not None and "v=spf1 mx -all" in known.values
        assert dns.known("A", "mx1.a.test").values == ("127.0.0.1",)
        assert dns.known("PTR", "127.0.0.1").values == ("mail.a.test",)
        assert dns.known("AAAA", "mx1.a.test") is None
        assert fresh.known("TXT", "a.test") is None
        later = time.time() + 3600
        monkeypatch.setattr("mta.resolver.time.time", lambda: later)
        assert dns.known("TXT", "a.test") is None


def test_what_could_not_be_asked_for_is_not_known(resolver):
    with pytest.raises(Temporary):
        asyncio.run(resolver.txt("broken.test"))
    assert resolver.known("TXT", "broken.test") is None


def test_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr("mta.resolver._MOST_KEPT", 10)
    with serving(lambda name, rdtype: ['"x"']) as server:
        dns = Dns([(server.host, server.port)])
        for number in range(25):
            asyncio.run(dns.txt(f"{number}.test"))
        assert len(dns._kept) <= 10
        assert dns.known("TXT", "24.test") is not None


def test_a_cname_is_followed_and_its_end_named(resolver):
    answer = asyncio.run(resolver.addresses("www.a.test"))
    assert (answer.values, answer.name) == (("::1", "127.0.0.1"), "mx1.a.test")


def test_the_strings_of_one_text_record_are_joined(resolver):
    assert set(asyncio.run(resolver.txt("a.test")).values) == {"v=spf1 mx -all", "other"}


def test_an_answer_too_big_for_a_datagram_comes_over_tcp(resolver):
    assert len(asyncio.run(resolver.txt("big.test")).values) == 60


def test_an_address_has_a_name(resolver):
    assert asyncio.run(resolver.ptr("127.0.0.1")).values == ("mail.a.test",)


def test_a_failing_server_is_temporary_never_no(resolver):
    with pytest.raises(Temporary):
        asyncio.run(resolver.mx("broken.test"))
    with pytest.raises(Temporary):
        asyncio.run(resolver.addresses("broken.test"))


def test_an_impossible_name_does_not_exist(resolver):
    assert asyncio.run(resolver.mx("a..test")).status == NO_NAME
    assert asyncio.run(resolver.mx("x" * 64 + ".test")).status == NO_NAME


def test_callers_without_a_loop_ask_afresh(settings):
    zone = {"fresh.test": {"TXT": ['"one"']}}
    with serving(zone) as server:
        settings.DNS_SERVERS = [(server.host, server.port)]
        with use(None):
            assert txt_sync("fresh.test").values == ("one",)
            zone["fresh.test"] = {"TXT": ['"two"'], "A": ["192.0.2.1"]}
            assert txt_sync("fresh.test").values == ("two",)
            assert addresses_sync("fresh.test").values == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("not an address", False),
    ],
)
def test_private_addresses_are_told_from_public_ones(address, public):
    assert is_public(address) is public
