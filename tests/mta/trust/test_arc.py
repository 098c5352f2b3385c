"""ARC (RFC 8617), rule by rule: each chain is signed properly and breaks one thing. What is sealed, others can check."""

import asyncio

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.dkim import public_record
from mta.message.headers import parse_header, split_message
from mta.resolver import Temporary
from mta.trust import arc
from mta.trust.asking import Asking
from mta.trust.signatures import Body
from tests.fake_resolver import FakeResolver
from tests.mta.trust.chains import HOP, Chain
from tests.mta.trust.letters import ED25519, NOW, RSA, mail

SMALL = generate_private_key(65537, 1024)
KEYS = {
    "s1._domainkey.d1.test": public_record(RSA),
    "s2._domainkey.d1.test": public_record(ED25519),
    "small._domainkey.d1.test": public_record(SMALL),
    "revoked._domainkey.d1.test": "v=DKIM1; p=",
    "broken._domainkey.d1.test": "v=DKIM1; p=!!!",
    "s1._domainkey.d2.test": public_record(RSA),
}
ZONE = {name: {"TXT": [text]} for name, text in KEYS.items()} | {
    "twice._domainkey.d1.test": {"TXT": [public_record(RSA), public_record(SMALL)]},
    "silent._domainkey.d1.test": Temporary("no answer"),
}


def verified(raw):
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])

    async def judge():
        found = await arc.chain(Asking(FakeResolver(ZONE)), fields)
        return arc.verify(found, fields, Body(raw[body_start:]))

    return asyncio.run(judge())


def by_dkimpy(raw):
    def dns(name, timeout=5):
        return KEYS.get(name.decode().rstrip("."), "").encode() or None

    cv, _results, _reason = dkimpy.arc_verify(raw, dnsfunc=dns, minkey=1024)
    return {None: "none", dkimpy.CV_Pass: "pass", dkimpy.CV_None: "none", dkimpy.CV_Fail: "fail"}[cv]


def chain(length, **last):
    made = Chain()
    for number in range(1, length + 1):
        made.add(**(last if number == length else {}))
    return made


@pytest.mark.parametrize(
    "raw", [mail(), b"", b"\r\n", b"no header\r\n", mail().split(b"\r\n\r\n")[0] + b"\r\n"]
)
def test_a_message_without_sets_has_no_chain(raw):
    assert verified(raw).result == "none"


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_chains_of_any_length_pass_and_tell_who_sealed(length):
    raw = chain(length).message()
    found = verified(raw)
    assert (found.result, len(found.sets), found.length) == ("pass", length, length)
    assert found.sets[0].domain == HOP and found.sets[0].of("dmarc") == "pass"
    assert by_dkimpy(raw) == "pass"


def test_fifty_sets_pass_and_one_more_does_not():
    made = chain(50)
    assert verified(made.message()).result == "pass"
    assert verified(made.add().message()).result == "fail"


GOOD = {
    "simple header": {"canonical": "simple/relaxed"},
    "simple body": {"canonical": "relaxed/simple"},
    "both simple": {"canonical": "simple/simple"},
    "c= left out means simple": {"canonical": "simple/simple", "ams": {"c": None}},
    "c= left out but signed relaxed, as drafts of ARC had it": {"ams": {"c": None}},
    "no names at all": {"names": ""},
    "a name left out": {"names": "from::to"},
    "signature that does not cover From": {"names": "to:subject"},
    "no t=": {"ams": {"t": None}, "seal": {"t": None}},
    "unknown tags": {"ams": {"zz": "1"}, "seal": {"w": "catparty"}},
    "semicolon at the end": {"extra": ";"},
    "names with spaces and capitals": {"names": "From : To:\r\n\tSubject :DATE"},
    "names that are not there": {"names": "from:from:to:x-none:subject"},
    "one name only": {"names": "from"},
    "space around i=": {"aar_i": " i = 1 "},
    "1024 bits": {"key": SMALL, "ams": {"s": "small"}, "seal": {"s": "small"}},
    "Ed25519": {
        "key": ED25519,
        "ams": {"s": "s2", "a": "ed25519-sha256"},
        "seal": {"s": "s2", "a": "ed25519-sha256"},
    },
    "capitals in d=": {"domain": "D1.Test"},
    "sealed by another than signed": {"seal": {"d": "d2.test"}},
    "results of nothing": {"aar": "d1.test; none"},
    "results with comments and quotes": {
        "aar": 'd1.test (a; b); spf=pass (x\\)y) smtp.mailfrom="a;b"@a.test'
    },
}


@pytest.mark.parametrize("case", GOOD.values(), ids=list(GOOD))
def test_what_the_rules_allow_passes(case):
    assert verified(Chain().add(**case).message()).result == "pass"


BAD = {
    # §4.1.1, the results
    "results without i=": {"aar_i": "x=1"},
    "results with another number": {"aar_i": "i=2"},
    "results with i=0": {"aar_i": "i=0"},
    "results with i=a": {"aar_i": "i=a"},
    "results with i= empty": {"aar_i": "i="},
    # §4.1.2, the message signature
    **{f"signature without {tag}=": {"ams": {tag: None}} for tag in ("i", "a", "b", "bh", "d", "h", "s")},
    **{f"signature with {tag}= empty": {"ams": {tag: ""}} for tag in ("i", "a", "bh", "d", "s")},
    "signature with i=0": {"ams": {"i": 0}},
    "signature with i=51": {"ams": {"i": 51}},
    "signature with i=01": {"ams": {"i": "01"}},
    "signature with i=a": {"ams": {"i": "a"}},
    "signature with another number": {"ams": {"i": 2}},
    "signature with SHA-1": {"ams": {"a": "rsa-sha1"}},
    "signature with an unknown algorithm": {"ams": {"a": "rsa-md5"}},
    "signature with another kind of key": {"ams": {"a": "ed25519-sha256"}},
    "signature with an unknown form": {"ams": {"c": "relaxed/strict"}},
    "signature with a wrong body hash": {"ams": {"bh": "AAAAeW9uZXNreQ=="}},
    "signature with a hash that is no base64": {"ams": {"bh": "@@"}},
    "signature that is no base64": {"ams": {"b": None, "x-b": "1"}},
    "signature that covers seals": {"names": "from:arc-seal"},
    "signature with a tag twice": {"extra": "; a=rsa-sha256"},
    "two semicolons in a row": {"extra": ";; z=1"},
    "signature with a part that is no tag": {"extra": "; nonsense"},
    "signature with a bad tag name": {"extra": "; _=1"},
    "signature for a part of the text": {"ams": {"l": 2}},
    "signature for more than the text": {"ams": {"l": 99999}},
    # §4.1.3, the seal
    **{f"seal without {tag}=": {"seal": {tag: None}} for tag in ("i", "a", "b", "cv", "d", "s")},
    **{f"seal with {tag}= empty": {"seal": {tag: ""}} for tag in ("i", "a", "cv", "d", "s")},
    "seal with h=": {"seal": {"h": "from"}},
    "seal with another number": {"seal": {"i": 2}},
    "seal with SHA-1": {"seal": {"a": "rsa-sha1"}},
    "the first seal says fail": {"cv": "fail"},
    "the seal says something": {"cv": "maybe"},
    # sets that are not whole
    "no results": {"leave_out": {"aar"}},
    "no signature": {"leave_out": {"ams"}},
    "no seal": {"leave_out": {"seal"}},
    # keys
    "key that is not there": {"ams": {"s": "gone"}},
    "seal's key that is not there": {"seal": {"s": "gone"}},
    "revoked key": {"seal": {"s": "revoked"}},
    "broken key": {"seal": {"s": "broken"}},
    "another key": {"seal": {"s": "small"}},
    "two keys": {"seal": {"s": "twice"}},
    "selector that is none": {"seal": {"s": "a..b"}},
    "domain that is none": {"ams": {"d": "d1..test"}},
}


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_each_broken_rule_breaks_the_chain(case, length):
    assert verified(chain(length, **case).message()).result == "fail"


def test_a_key_that_cannot_be_asked_for_is_temporary():
    assert verified(Chain().add(seal={"s": "silent"}).message()).result == "temperror"
    assert verified(Chain().add(ams={"s": "silent"}).message()).result == "temperror"


def test_the_first_seal_cannot_say_that_there_was_another():
    assert verified(Chain().add(cv="pass").message()).result == "fail"


def test_later_seals_must_say_that_the_chain_was_good():
    assert verified(Chain().add().add(cv="none").message()).result == "fail"
    said = verified(Chain().add().add(cv="fail").message())
    assert said.result == "fail" and "before it came here" in said.reason


def test_a_set_in_the_middle_or_a_field_twice_breaks_it():
    made = chain(3)
    for number in range(3):
        for part in range(3):
            broken = chain(3)
            broken.sets = [list(each) for each in made.sets]
            broken.sets[number][part] = b""
            assert verified(broken.message()).result == "fail"
            broken.sets[number][part] = made.sets[number][part] * 2
            assert verified(broken.message()).result == "fail"
    gap = chain(3)
    gap.sets = [gap.sets[0], gap.sets[2]]
    assert verified(gap.message()).result == "fail"


def test_the_order_of_fields_in_the_header_means_nothing():
    made = chain(2)
    fields = [field for each in made.sets for field in each]
    raw = fields[3] + fields[0] + fields[5] + fields[1] + fields[4] + fields[2] + made.raw
    assert verified(raw).result == "pass"


def test_changes_behind_the_last_seal_break_it_and_those_before_do_not():
    first = Chain().add()
    raw = first.raw.replace(b"Subject: Monday", b"Subject: [list] Monday") + b"-- \r\nthe list\r\n"
    assert verified(first.message().replace(b"Monday", b"Tuesday")).result == "fail"
    assert verified(first.message() + b"more").result == "fail"
    later = Chain(raw)
    later.sets = first.sets
    later.add()  # the list changed the message, and sealed what it sent
    found = verified(later.message())
    assert (found.result, by_dkimpy(later.message())) == ("pass", "pass")
    changed = later.message().replace(b"i=1; d1.test; spf=pass", b"i=1; d1.test; spf=fail")
    assert verified(changed).result == "fail"  # what others had found is sealed, too


def test_who_may_speak_for_a_message():
    made = Chain().add(domain="d1.test").add(domain="d2.test", aar="d2.test; dmarc=fail; arc=pass")
    found = verified(made.message())
    assert arc.trusted(found, ()) is None
    assert (
        arc.trusted(found, ["d1.test"]) is None
    )  # the last one is not trusted: it may have changed anything
    assert arc.trusted(found, ["d2.test"]) is None  # it found nothing in order itself
    speaker = arc.trusted(found, ["d1.test", "d2.test"])
    assert speaker is not None and speaker.domain == "d1.test"


def test_who_did_not_sign_from_speaks_for_nothing():
    found = verified(Chain().add(names="to:subject").message())
    assert (found.result, arc.trusted(found, [HOP])) == ("pass", None)
    assert arc.trusted(verified(Chain().add().message()), [HOP]) is not None


# --- sealing


def sealed(raw, *, status, key=RSA, selector="s1", domain=HOP):
    lines = arc.seal(
        raw,
        results_text="mail.example.test;\r\n\tspf=pass smtp.mailfrom=ann@a.test;\r\n\tdmarc=pass",
        status=status,
        domain=domain,
        selector=selector,
        key=key,
        at=NOW,
    )
    return lines + raw


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_what_we_seal_passes_here_and_elsewhere(key):
    raw = mail(more=b"Cc: c@c.test\r\nReferences: <a@b>\r\n <c@d>\r\n")
    for number in range(1, 5):
        raw = sealed(
            raw, status="none" if number == 1 else "pass", key=key, selector="s1" if key is RSA else "s2"
        )
        found = verified(raw)
        assert (found.result, found.length) == ("pass", number)
        if key is RSA:
            assert by_dkimpy(raw) == "pass"


def test_we_go_on_where_others_began():
    raw = sealed(chain(3).message(), status="pass", domain="d2.test")
    found = verified(raw)
    assert (found.result, found.sets[-1].domain, by_dkimpy(raw)) == ("pass", "d2.test", "pass")


def test_a_broken_chain_is_not_continued():
    raw = Chain().add(cv="fail").message()
    for status in ("fail", "temperror", "pass", "none"):
        assert sealed(raw, status=status) == raw
    assert sealed(mail(), status="fail") == mail()
    assert sealed(mail(), status="pass") == mail()  # there is nothing to continue


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "arc-seal "]),
            st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)),
        ),
        max_size=8,
    )
)
def test_no_bytes_upset_it(rows):
    lines = b"".join(
        name.encode() + b":" + value.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n" for name, value in rows
    )
    assert verified(lines + mail()).result == ("fail" if rows else "none")
    assert sealed(lines + mail(), status="pass") == lines + mail()


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 3), st.data())
def test_any_byte_that_changes_what_is_sealed_breaks_it(length, data):
    raw = chain(length).message()
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    # Both may pass (white space, capitals in names), but never only here.
    if verified(changed).result == "pass":
        assert by_dkimpy(changed) == "pass"
