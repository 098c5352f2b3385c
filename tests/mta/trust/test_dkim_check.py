"""DKIM, rule by rule: each signature is made properly and breaks one rule; and what others sign, we accept."""

import asyncio
import base64
import hashlib

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.dkim import public_record, relaxed_body, signed_fields, simple_body
from mta.message.headers import parse_header, split_message
from mta.resolver import Temporary
from mta.trust import dkim_check, signatures
from mta.trust.asking import Asking
from mta.trust.signatures import Body, Unusable
from tests.fake_resolver import FakeResolver
from tests.mta.trust.chains import signed_value
from tests.mta.trust.letters import ED25519, NOW, RSA, mail, signed

SMALL = generate_private_key(65537, 1024)
TINY_RECORD = (  # 512 bits, from a key that nobody keeps
    "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKHrf0jL3ohIjULxUEtTTbLZ+Y4FdOdqMkGqHRKoJ"
    "5dzwLcWcoSUPiqxOcZPmzTvFHmXZVyM7lqAYUXTFYvnqjUCAwEAAQ=="
)
GOOD = public_record(RSA)
P = GOOD.partition("p=")[2]
PKCS1 = base64.b64encode(RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
PEM = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def verified(raw, *, record=GOOD, records=None, zone=None, at=NOW):
    here = {
        "s1._domainkey.a.test": {"TXT": records if records is not None else [record]},
        "s2._domainkey.a.test": {"TXT": [public_record(ED25519)]},
        **(zone or {}),
    }
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])

    async def judge():
        judged = await dkim_check.keys(Asking(FakeResolver(here)), fields, at=at)
        return dkim_check.verify(judged, fields, Body(raw[body_start:]))

    return asyncio.run(judge())


def made(raw=None, *, canonical="relaxed/relaxed", names="from:to:subject:date", key=RSA, extra="", **tags):
    """A message with one signature, signed after the tags were changed; None leaves a tag out."""
    raw = mail() if raw is None else raw
    header_end, body_start = split_message(raw)
    header, _, body = canonical.partition("/")
    form = relaxed_body if body == "relaxed" else simple_body
    length = tags.get("l")
    covered_body = form(raw[body_start:])[: length if isinstance(length, int) else None]
    all_tags = {"v": 1, "a": "rsa-sha256", "c": canonical, "d": "a.test", "s": "s1", "t": NOW, "h": names}
    all_tags |= {"bh": base64.b64encode(hashlib.sha256(covered_body).digest()).decode()} | tags
    listed = [name.strip() for name in (all_tags["h"] or "").lower().split(":")]
    covered = signed_fields(parse_header(raw[:header_end]), listed, relaxed=header == "relaxed")
    value = signed_value(
        all_tags, covered, name="DKIM-Signature", key=key, relaxed=header == "relaxed", extra=extra
    )
    return f"DKIM-Signature:{value}\r\n".encode() + raw


RESULTS = {"pass", "fail", "policy", "neutral", "permerror"}


def _number(value):
    """Names of cases that are the same in every process: keys are made anew in each."""
    return value if isinstance(value, str) and value in RESULTS else "case"


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"canonical": "simple/simple"},
        {"canonical": "simple/relaxed"},
        {"canonical": "relaxed/simple"},
        {"canonical": "relaxed/simple", "c": "relaxed"},
        {"canonical": "simple/simple", "c": None},
        {"t": None},
        {"x": NOW + 100},
        {"i": "ann@a.test"},
        {"i": "@mail.a.test"},
        {"i": "=20@A.Test"},
        {"q": "dns/txt"},
        {"q": "dns/abc : dns/txt"},
        {"zz": "unknown"},
        {"extra": ";"},
        {"d": "A.TEST"},
        {"names": "From:From:To:To:Nothing:Subject"},
        {"l": len(relaxed_body(b"Hello there.\r\n"))},
        {"z": "From:ann|To:ben"},
    ],
    ids=_number,
)
def test_what_the_rules_allow_passes(case):
    [found] = verified(made(**case))
    assert (found.result, found.reason, found.domain) == ("pass", "", "a.test")


PERM = "permerror"


@pytest.mark.parametrize(
    ("case", "result"),
    [
        *(({tag: None}, PERM) for tag in ("v", "a", "b", "bh", "d", "h", "s")),
        *(({tag: ""}, PERM) for tag in ("v", "a", "bh", "d", "h", "s")),
        ({"v": 2}, PERM),
        ({"a": "rsa-sha1"}, PERM),
        ({"a": "rsa-sha512"}, PERM),
        ({"a": "ed25519-sha256"}, PERM),
        ({"c": "relaxed/other"}, PERM),
        ({"d": "a..test"}, PERM),
        ({"d": "[192.0.2.1]"}, PERM),
        ({"s": "-"}, PERM),
        ({"s": "gone"}, PERM),
        ({"names": "to:subject"}, PERM),
        ({"names": "from:" + ":".join(["x"] * 600)}, PERM),
        ({"q": "http"}, PERM),
        ({"i": "ann@b.test"}, PERM),
        ({"i": "ann@nota.test"}, PERM),
        ({"i": "ann"}, PERM),
        ({"i": "@test"}, PERM),
        ({"t": "yesterday"}, PERM),
        ({"x": NOW - 1000, "t": NOW}, PERM),
        ({"x": NOW - 10, "t": NOW - 1000}, "fail"),
        ({"l": "-1"}, PERM),
        ({"l": "9" * 100}, PERM),
        ({"l": 99_999}, "fail"),
        ({"l": 3}, "policy"),
        ({"l": 0}, "policy"),
        ({"bh": "AAAA"}, "fail"),
        ({"bh": "@"}, PERM),
        ({"extra": "; d=a.test"}, PERM),
        ({"extra": "; nonsense"}, PERM),
        ({"key": SMALL}, "fail"),
    ],
    ids=_number,
)
def test_each_broken_rule_has_its_result(case, result):
    [found] = verified(made(**case))
    assert found.result == result
    assert found.reason


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (f"p={P}", "pass"),
        (f"v=DKIM1;p={P};", "pass"),
        (f"v=DKIM1; p={PKCS1}", "pass"),
        (f"v=DKIM1; h=sha256:sha1; k=rsa; s=email; n=note; p={P}", "pass"),
        (f"v=DKIM1; s=tlsrpt:*; p={P[:40]} {P[40:]}", "pass"),
        (f"v=DKIM1; t=y; p={P}", "pass"),
        (f"v=DKIM1; g=; p={P}", "pass"),
        (f"k=rsa; v=DKIM1; p={P}", PERM),
        (f"v=DKIM2; p={P}", PERM),
        (f"v=DKIM1; h=sha1; p={P}", PERM),
        (f"v=DKIM1; s=tlsrpt; p={P}", PERM),
        (f"v=DKIM1; k=ed25519; p={P}", PERM),
        (f"v=DKIM1; k=gost; p={P}", PERM),
        (f"v=DKIM1; p={P}; p={P}", PERM),
        (f"v=DKIM1; p={P[:50]}", PERM),
        ("v=DKIM1; p=", PERM),
        ("v=DKIM1;", PERM),
        ("v=DKIM1; p=@@@", PERM),
        (public_record(ED25519), PERM),
        (TINY_RECORD, "policy"),
        (public_record(SMALL), "fail"),
        (f"{public_record(SMALL)}; t=y", "neutral"),
        ("p=" + "A" * 60_000, PERM),
    ],
    ids=_number,
)
def test_keys_count_as_their_record_says(record, result):
    assert verified(made(), record=record)[0].result == result


def test_several_keys_under_one_name_are_none_but_other_texts_do_not_matter():
    assert verified(made(), records=[GOOD, public_record(SMALL)])[0].result == PERM
    assert verified(made(), records=["v=spf1 -all", GOOD, "hello"])[0].result == "pass"
    assert verified(made(), records=[])[0].result == PERM


def test_a_strict_key_speaks_for_its_own_name_only():
    record = f"v=DKIM1; t=s; p={P}"
    assert verified(made(i="@a.test"), record=record)[0].result == "pass"
    assert verified(made(i="@mail.a.test"), record=record)[0].result == PERM


def test_a_key_that_cannot_be_asked_for_is_temporary():
    [found] = verified(made(), zone={"s1._domainkey.a.test": Temporary("no answer")})
    assert (found.result, found.domain) == ("temperror", "a.test")


def test_ten_signatures_are_looked_at():
    raw = mail()
    for _ in range(30):
        raw = made(raw, names="from:subject")
    found = verified(raw)
    assert [each.result for each in found] == ["pass"] * 10


def test_another_from_goes_unnoticed_only_where_it_was_not_signed_against():
    def forged(raw):
        start = raw.index(b"From:")
        return raw[:start] + b"From: eve@b.test\r\n" + raw[start:]

    assert verified(forged(made()))[0].result == "pass"  # DMARC sees to it
    assert verified(forged(made(names="from:from")))[0].result == "fail"
    assert verified(forged(signed(mail())))[0].result == "fail"


@pytest.mark.parametrize(
    "canonical", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"relaxed", b"simple")]
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b" \t \r\n\r\n",
        b"a  b \t\r\n\r\n\r\n",
        b"no end",
        b"\r\n\r\nx\r\n",
        b".\r\n..",
    ],
)
def test_what_dkimpy_signs_passes(canonical, body):
    raw = mail(body=body, more=b"X-Folded: a\r\n\t b  \r\nReferences: <1@a>\r\n  <2@a>\r\n")
    line = dkimpy.sign(
        raw, b"s1", b"a.test", PEM, canonicalize=canonical, include_headers=[b"from", b"x-folded"]
    )
    assert verified(line + raw)[0].result == "pass"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\n", b"\r", b"a", b"."]), max_size=60).map(b"".join),
    st.integers(1, 20),
)
def test_a_body_read_in_blocks_has_the_hash_of_the_whole(body, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signatures, "_BLOCK", block)
        read = Body(b"A: b\r\n\r\n" + body, 8)
        for relaxed, form in ((True, relaxed_body(body)), (False, simple_body(body))):
            assert read.hash(relaxed=relaxed) == hashlib.sha256(form).digest()
            assert read.size(relaxed=relaxed) == len(form)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(" \t\r\n=;:abvxz1-_@.\u00e4") | st.characters(), max_size=200))
def test_no_text_upsets_the_reading_of_a_signature(text):
    for value in (text, f"v=1; a=rsa-sha256; d=a.test; s=s1; h=from; bh=AA==; b=AA==; {text}"):
        try:
            found = dkim_check.read(value.encode("utf-8", "replace"), at=NOW)
        except Unusable as trouble:
            assert trouble.result in {"permerror", "fail", "policy"} and str(trouble)
        else:
            assert found.domain and found.selector and "from" in found.names


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(" \t=;:akpvty1+/") | st.characters(), max_size=200))
def test_no_text_upsets_the_reading_of_a_key(text):
    for value in (text, f"v=DKIM1; p={text}", f"v=DKIM1; k=ed25519; p={text}"):
        try:
            assert signatures.read_key(value).bits > 0
        except Unusable as trouble:
            assert str(trouble)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_byte_that_changes_what_is_signed_breaks_it(data):
    raw = made(names="from:to:subject:date:message-id")
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    found = verified(changed)
    if found and found[0].result == "pass":

        def dns(name, timeout=5):
            return GOOD.encode() if name == b"s1._domainkey.a.test." else None

        assert dkimpy.verify(changed, dnsfunc=dns)
