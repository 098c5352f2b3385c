"""What certificate the host shows: names, issuer, end. Reads the file; never the key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Certificate:
    names: tuple[str, ...]
    issuer: str
    self_signed: bool
    ends: datetime

    @property
    def is_over(self) -> bool:
        return self.ends < datetime.now(UTC)


def current() -> Certificate | None:
    """The certificate of TLS_CERT; None if there is none or it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate(Path(settings.TLS_CERT).read_bytes())
    except (OSError, ValueError):
        return None
    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(alternative.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    return Certificate(
        names=names,
        issuer=found.issuer.rfc4514_string(),
        self_signed=found.issuer == found.subject,
        ends=found.not_valid_after_utc,
    )
