"""What the sandbox's DNS says."""

import pytest

from mta.sandbox.dns import NO_DATA, NO_NAME
from mta.sandbox.zone import BadRecords, Zone, answer, read

PASTED = """; records of a.test
a.test. 3600 IN MX 10 mail.a.test.
a.test. IN TXT "v=spf1 mx " "-all"
s1._domainkey.a.test. 3600 IN TXT "v=DKIM1; k=rsa; p=abc"
a.test. TXT "second"
"""


def say(name, rdtype, records=None, ours=None):
    return answer(records or {}, name, rdtype, hostname="mail.a.test", ours=ours)


@pytest.mark.parametrize(
    ("name", "rdtype", "reply"),
    [
        ("outside.test", "MX", ["10 mx.outside.test."]),
        ("mx.outside.test", "A", ["127.0.0.1"]),
        ("mx.outside.test", "AAAA", NO_DATA),
        ("outside.test", "TXT", ['"v=spf1 ip4:127.0.0.1 ip6:::1 -all"']),
        ("_dmarc.outside.test", "TXT", NO_NAME),
        ("s._domainkey.outside.test", "TXT", NO_NAME),
        ("gone.invalid", "MX", NO_NAME),
        ("mail.a.test", "A", ["127.0.0.1"]),
        ("mail.a.test", "MX", NO_DATA),
        ("1.0.0.127.in-addr.arpa", "PTR", ["mail.a.test."]),
        ("7.0.0.127.in-addr.arpa", "PTR", NO_NAME),
    ],
)
def test_every_outside_domain_exists_and_takes_mail(name, rdtype, reply):
    assert say(name, rdtype) == reply


def test_a_domain_of_ours_has_only_what_was_published():
    assert say("a.test", "MX", ours="a.test") == NO_DATA
    assert say("s1._domainkey.a.test", "TXT", ours="a.test") == NO_NAME
    records = read(PASTED)
    assert say("a.test", "MX", records, "a.test") == ["10 mail.a.test."]
    assert say("a.test", "TXT", records, "a.test") == ['"v=spf1 mx " "-all"', '"second"']
    assert say("s1._domainkey.a.test", "TXT", records, "a.test") == ['"v=DKIM1; k=rsa; p=abc"']
    assert say("a.test", "A", records, "a.test") == NO_DATA
    assert say("_domainkey.a.test", "TXT", records, "a.test") == NO_DATA


def test_pasting_replaces_what_has_the_same_name_and_type_and_nothing_else(tmp_path):
    zone, reader = Zone(tmp_path / "sandbox"), Zone(tmp_path / "sandbox")
    assert reader.records() == {}
    assert set(zone.paste(PASTED)) == {
        ("a.test", "MX"), ("a.test", "TXT"), ("s1._domainkey.a.test", "TXT"),
    }  # fmt: skip
    zone.paste("a.test. 60 IN MX 5 other.test.")
    assert reader.records()["a.test"] == {"MX": ["5 other.test."], "TXT": ['"v=spf1 mx " "-all"', '"second"']}
    zone.withdraw("a.test", "MX")
    zone.withdraw("s1._domainkey.a.test", "TXT")
    assert list(reader.records()) == ["a.test"]
    assert list(reader.records()["a.test"]) == ["TXT"]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "a.test. IN MX mail", "a.test. IN SOA a b 1 2 3 4 5", "  IN MX 10 x.", 'a.test. TXT "open'],
)
def test_what_is_no_record_is_refused_in_words(tmp_path, text):
    zone = Zone(tmp_path)
    with pytest.raises(BadRecords):
        zone.paste(text)
    assert zone.records() == {}


def test_a_sandbox_has_room_for_only_so_much(tmp_path):
    with pytest.raises(BadRecords, match="more than"):
        Zone(tmp_path).paste("\n".join(f"n{number}.test. IN A 192.0.2.1" for number in range(501)))
