"""Authentication-Results (RFC 8601): what we write can be read, and nobody else writes in our name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.headers import parse_header, split_message
from mta.trust import results
from mta.trust.results import Result
from tests.mta.trust.letters import HOST, mail, signed, verdict

OURS = b"mail.example.test"


def stored(*lines, body=b"text\r\n"):
    raw = b"".join(lines) + mail(body=body)
    return results.without_forged(raw, HOST), raw


@pytest.mark.parametrize(
    "line",
    [
        b"Authentication-Results: mail.example.test; spf=pass\r\n",
        b"authentication-results: MAIL.Example.TEST; spf=pass\r\n",
        b"Authentication-Results : mail.example.test; spf=pass\r\n",
        b"Authentication-Results:mail.example.test;spf=pass\r\n",
        b"Authentication-Results:\r\n\tmail.example.test;\r\n\tspf=pass;\r\n dmarc=pass\r\n",
        b"Authentication-Results: \r\n \r\n mail.example.test; spf=pass\r\n",
        b"Authentication-Results: (a) mail.example.test (b); spf=pass\r\n",
        b"Authentication-Results: (a (b) \\) c)mail.example.test 1; spf=pass\r\n",
        b"Authentication-Results: mail.example.test 1; spf=pass\r\n",
        b"Authentication-Results: mail.example.test\r\n",
        b'Authentication-Results: "mail.example.test"; spf=pass\r\n',
        b'Authentication-Results: "mail.exa\\mple.test" (x); spf=pass\r\n',
        b"Authentication-Results: mail.example.test.; spf=pass\r\n",
        b"Authentication-Results: mail.example.test; none\r\n",
        b"Authentication-Results: mail.example.test(c); none\r\n",
        "Authentication-Results: ｍａｉｌ.example.test; spf=pass\r\n".encode(),
        # what others may read otherwise than we do
        b"Authentication-Results: (" + b"a" * 17_000 + b") mail.example.test; dmarc=pass\r\n",
        b"Authentication-Results: (" + (b"a" * 70 + b"\r\n ") * 240 + b") mail.example.test; dmarc=pass\r\n",
        b"Authentication-Results:" + b"\r\n " * 8_000 + b"mail.example.test; dmarc=pass\r\n",
        b"Authentication-Results: mx.other.test; x=" + b"a" * 17_000 + b"\r\n",
        b"Authentication-Results: (((mail.example.test; dmarc=pass\r\n",
        b"Authentication-Results: (a \\) mail.example.test; dmarc=pass\r\n",
        b'Authentication-Results: "mail.example.test; dmarc=pass\r\n',
    ],
)
def test_results_in_our_name_are_taken_out(line):
    cleaned, _ = stored(b"X-One: 1\r\n", line, b"X-Two: 2\r\n", line)
    assert cleaned == b"X-One: 1\r\nX-Two: 2\r\n" + mail(body=b"text\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"Authentication-Results: mx.other.test; spf=pass\r\n",
        b"Authentication-Results: xmail.example.test; spf=pass\r\n",
        b"Authentication-Results: mail.example.test.other.test; spf=pass\r\n",
        b"Authentication-Results: (mail.example.test) mx.other.test; spf=pass\r\n",
        b"Authentication-Results: mx.other.test; spf=pass (mail.example.test)\r\n",
        b"ARC-Authentication-Results: i=1; mail.example.test; spf=pass\r\n",
        b"X-Note: Authentication-Results: mail.example.test; spf=pass\r\n",
        b"X-Note: a\r\n Authentication-Results: mail.example.test; spf=pass\r\n",
        b"Authentication-Results: ; spf=pass\r\n",
        b"Authentication-Results:\r\n",
    ],
)
def test_what_others_say_stays_byte_for_byte(line):
    cleaned, raw = stored(line, body=b"Authentication-Results: mail.example.test; spf=pass\r\n")
    assert cleaned is raw or cleaned == raw


def test_a_copy_in_another_field_does_not_save_a_forged_one():
    forged = b"Authentication-Results: mail.example.test; spf=pass\r\n"
    cleaned, _ = stored(b"X-Note: " + forged, forged)
    assert cleaned == b"X-Note: " + forged + mail(body=b"text\r\n")


@pytest.mark.parametrize(
    "before",
    [
        b"X: y\r\n" * 5000,
        b"X-Bad line\r\n",
        b"X-Bad line\r\nX: y\r\n",
        b"X: y\r\nX-Bad line\r\n",
        b" folded\r\n",
    ],
    ids=["thousands", "bad first", "bad and good", "bad second", "folded first"],
)
def test_a_forged_one_is_found_whatever_stands_before_it(before):
    """Our own lines come before all of it: then even what began with no field has a header."""
    forged = b"Authentication-Results: mail.example.test; spf=pass\r\n"
    cleaned, _ = stored(before, forged)
    assert cleaned == before + mail(body=b"text\r\n")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [OURS, b"mx.other.test", b"(c)", b'"', b";", b"=", b"\\", b" ", b"\r\n ", b"\r\n", b"1"]
            ),
            st.binary(max_size=8),
        ),
        max_size=12,
    )
)
def test_nothing_in_our_name_is_left_and_nothing_else_is_touched(parts):
    raw = b"X-One: 1\r\nAuthentication-Results:" + b"".join(parts) + b"\r\n" + mail()
    cleaned = results.without_forged(raw, HOST)
    header_end, _ = split_message(cleaned)
    left = [each for each in parse_header(cleaned[:header_end]) if each.name == results.NAME]
    assert [each for each in left if results.host_of(each.value) == HOST] == []
    assert results.without_forged(cleaned, HOST) == cleaned
    if cleaned != raw:
        assert cleaned.startswith(b"X-One: 1\r\n")


# --- writing

WORD = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)
VALUE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=60)
RESULT = st.builds(
    Result,
    WORD,
    st.sampled_from(["pass", "fail", "none", "temperror"]),
    st.lists(st.tuples(WORD, WORD, VALUE), max_size=4).map(tuple),
    st.text(max_size=60),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(RESULT, min_size=1, max_size=6))
def test_what_is_written_is_read_back(given_):
    line = results.field(HOST, given_)
    [one] = parse_header(line)
    host, found = results.read(one.value)
    assert host == HOST
    assert [(each.method, each.result) for each in found] == [(each.method, each.result) for each in given_]
    for before, after in zip(given_, found, strict=True):
        assert after.properties == before.properties


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_upset_the_reading(value):
    results.host_of(value)
    _host, found = results.read(value)
    assert len(found) <= results.MOST_RESULTS


def test_nothing_found_is_written_so():
    assert results.field(HOST, []) == b"Authentication-Results: mail.example.test;\r\n\tnone\r\n"


@pytest.mark.parametrize(
    ("sender", "helo"),
    [
        ("ann@a.test(.evil.test", "mx"),
        ('"a\\"; dmarc=pass header.from=bank.test; x=\\""@a.test', "mx"),
        ("ann@a.test", "mx; dmarc=pass"),
        ("", "mx;\tdmarc=pass header.from=bank.test"),
        ("", 'mx"; dmarc=pass'),
        ("", "mx (x"),
        ("ann@a.test;dmarc=pass", "mx"),
    ],
)
def test_no_sender_writes_a_result_of_its_own(sender, helo):
    said = verdict(mail(sender="Ann <ann@b.test>"), sender=sender, helo=helo)
    [one] = parse_header(said.results)
    _host, found = results.read(one.value)
    assert [each.method for each in found] == ["iprev", "spf", "dkim", "dmarc"]
    assert [each.result for each in found if each.method == "dmarc"] == ["none"]


def test_the_field_says_what_was_found():
    text = verdict(signed(mail())).results.decode()
    assert text == (
        "Authentication-Results: mail.example.test;\r\n"
        "\tiprev=pass (mx.a.test) policy.iprev=192.0.2.1;\r\n"
        "\tspf=pass smtp.mailfrom=ann@a.test;\r\n"
        f"\tdkim=pass header.d=a.test header.s=s1 header.a=rsa-sha256 header.b={_b(text)};\r\n"
        "\tdmarc=pass (p=reject) header.from=a.test\r\n"
    )


def _b(text):
    return text.partition("header.b=")[2][:8]
