"""Our signatures, checked by another implementation (dkimpy)."""

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.message.dkim import public_record, relaxed_body, sign

RSA = generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.generate()
MAIL = (
    b"From: Ann <ann@a.test>\r\nTo: ben@b.test\r\nSubject: a\r\n  folded \t subject \r\nDate: Mon, 23 Nov 2026 04:03:00 +0000\r\n"
    b"Message-ID: <1@a.test>\r\n\r\nHello  there \t\r\n\r\nbye\r\n\r\n\r\n"
)


def verifies(raw: bytes, key) -> bool:
    record = public_record(key).encode()

    def dns(name, timeout=5):
        return record if name == b"s1._domainkey.a.test." else None

    return dkimpy.verify(raw, dnsfunc=dns)


def signed(raw: bytes, key) -> bytes:
    return sign(raw, domain="a.test", selector="s1", key=key, when=1795402980) + raw


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize(
    "raw",
    [
        MAIL,
        MAIL.split(b"\r\n\r\n")[0] + b"\r\n\r\n",
        MAIL + b"no line end",
        MAIL.replace(b"Hello", b"\r\n\r\nHello"),
        MAIL + b" \r\n\t\r\n",
        b"From: a@a.test\r\nFrom: b@a.test\r\nReceived: x\r\n\r\nx\r\n",
    ],
)
def test_signatures_verify(raw, key):
    whole = signed(raw, key)
    assert verifies(whole, key)
    assert max(map(len, whole[: -len(raw)].split(b"\r\n"))) <= 78


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_changed_mail_does_not_verify(key):
    whole = signed(MAIL, key)
    assert not verifies(whole.replace(b"Hello", b"Hallo"), key)
    assert not verifies(whole.replace(b"Subject: a", b"Subject: b"), key)
    assert not verifies(whole.replace(b"To: ben", b"Reply-To: x@evil.test\r\nTo: ben"), key)
    assert not verifies(whole.replace(b"To: ben", b"Subject: more\r\nTo: ben"), key)


def test_a_mailing_list_may_add_its_name():
    assert verifies(signed(MAIL, RSA).replace(b"To: ben", b"List-Id: <l.b.test>\r\nTo: ben"), RSA)
    whole = signed(MAIL.replace(b"To: ben", b"List-Id: <l.a.test>\r\nTo: ben"), RSA)
    assert not verifies(whole.replace(b"<l.a.test>", b"<l.b.test>"), RSA)


def test_spaces_may_change_on_the_way():
    whole = signed(MAIL, RSA)
    assert verifies(whole.replace(b"Hello  there \t\r\n", b"Hello there\r\n"), RSA)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.text("ab \t\r\n", max_size=60))
def test_any_body_verifies(text):
    body = text.replace("\r", "").replace("\n", "\r\n").encode() + b"\r\n"
    assert verifies(signed(b"From: a@a.test\r\n\r\n" + body, ED25519), ED25519)


def test_an_empty_body_stays_empty():
    assert relaxed_body(b"") == relaxed_body(b"\r\n\r\n") == b""
    assert relaxed_body(b" ") == relaxed_body(b" \r\n") == b""
