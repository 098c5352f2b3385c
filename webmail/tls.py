"""The self-signed certificate of a first start, so that STARTTLS and the TLS ports work from the beginning.

Mail programs ask once whether to trust it; a real certificate replaces it through TLS_CERT and TLS_KEY.
Never touches a pair that it did not make: those belong to the administrator.
"""

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Apple's clients refuse a certificate that is valid for longer.
_LIFETIME = datetime.timedelta(days=825)
_RENEW_BEFORE = datetime.timedelta(days=30)


class MissingCertificate(Exception):
    """TLS_CERT or TLS_KEY name a file that is not there, and it is not ours to make."""


def ensure_certificate(certificate: Path, key: Path, *, hostname: str, ours: Path) -> bool:
    """Make the pair if it is missing or about to end, and lies in `ours`. True if it was made."""
    if certificate.parent != ours or key.parent != ours:
        for path in (certificate, key):
            if not path.exists():
                raise MissingCertificate(
                    f"{path} does not exist: TLS_CERT and TLS_KEY name the certificate and its key"
                )
        return False
    if certificate.exists() and key.exists() and _lasts(certificate):
        return False
    make_self_signed(certificate, key, hostname=hostname)
    return True


def _lasts(certificate: Path) -> bool:
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return ends - datetime.datetime.now(datetime.UTC) > _RENEW_BEFORE


def make_self_signed(certificate: Path, key: Path, *, hostname: str) -> None:
    """A P-256 key and a certificate for the host's name, `localhost` and the loopback addresses."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(each) for each in dict.fromkeys((hostname, "localhost"))]
    addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(key, secret, mode=0o600)
    _replace(certificate, signed.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
