"""Headers that every page carries, and the small parts of the settings that keep secrets."""

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory

from webmail import tls
from webmail.cache import JsonSerializer
from webmail.security import SecurityHeaders, content_security_policy


@pytest.mark.django_db
def test_every_page_forbids_what_it_does_not_need(client: Client) -> None:
    answer = client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    for directive in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert directive in policy
    assert "unsafe" not in policy.replace("style-src-attr", "")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_view_that_sets_a_policy_of_its_own_keeps_it() -> None:
    def view(request: object) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "sandbox; frame-ancestors 'self'"})

    answer = SecurityHeaders(view)(RequestFactory().get("/"))
    assert answer.headers["Content-Security-Policy"] == "sandbox; frame-ancestors 'self'"
    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_async_views_are_dressed_without_a_thread() -> None:
    import asyncio

    async def view(request: object) -> HttpResponse:
        return HttpResponse()

    answer = asyncio.run(SecurityHeaders(view)(AsyncRequestFactory().get("/")))  # type: ignore[arg-type]
    assert "Content-Security-Policy" in answer.headers


def test_frames_may_come_from_the_content_origin_only() -> None:
    assert "frame-src 'self' https://content.example" in content_security_policy("https://content.example")


def test_passwords_are_hashed_with_argon2id_at_19_mebibytes() -> None:
    from webmail.hashers import Argon2

    encoded = make_password("secret words", hasher=Argon2())
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("secret words", encoded) and not check_password("other words", encoded)


def test_nothing_that_is_shared_is_a_pickle() -> None:
    assert settings.SESSION_SERIALIZER.endswith("JSONSerializer")
    serializer = JsonSerializer()
    assert serializer.loads(serializer.dumps({"a": [1, None]})) == {"a": [1, None]}  # type: ignore[arg-type]
    assert serializer.dumps(5) == 5
    with pytest.raises(ValueError):
        serializer.loads(pickle.dumps({"a": 1}))


def test_the_first_certificate_names_the_host_and_loopback(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    assert tls.ensure_certificate(certificate, key, hostname="mail.example.test", ours=tmp_path / "tls")
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.example.test", "localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert private.public_key() == made.public_key()
    assert key.stat().st_mode & 0o777 == 0o600
    assert not tls.ensure_certificate(certificate, key, hostname="mail.example.test", ours=tmp_path / "tls")


def test_a_certificate_that_is_about_to_end_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    monkeypatch.setattr(tls, "_LIFETIME", timedelta(days=20))
    tls.ensure_certificate(certificate, key, hostname="a.test", ours=tmp_path)
    monkeypatch.undo()
    assert tls.ensure_certificate(certificate, key, hostname="a.test", ours=tmp_path)
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    assert ends > datetime.now(UTC) + timedelta(days=800)


def test_a_certificate_of_the_administrators_is_never_made_or_changed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with pytest.raises(tls.MissingCertificate, match=r"TLS_CERT and TLS_KEY name"):
        tls.ensure_certificate(
            theirs / "cert.pem", theirs / "key.pem", hostname="a.test", ours=tmp_path / "tls"
        )
    for name in ("cert.pem", "key.pem"):
        (theirs / name).write_text("theirs")
    assert not tls.ensure_certificate(
        theirs / "cert.pem", theirs / "key.pem", hostname="a.test", ours=tmp_path / "tls"
    )
    assert (theirs / "cert.pem").read_text() == "theirs"
