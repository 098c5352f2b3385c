"""DKIM: the forms in which header and body are signed (RFC 6376 §3.4), and signatures on what we send (RFC 8463, too).

Pure: the caller holds the key and the clock. Called by `mta.trust`, which checks others' signatures with the same
forms, and by `hosting` for the DNS record.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mta.message.headers import Field, parse_header, split_message

# RFC 6376 §5.4.1; each is named once more than it stands there, so that none can be added later (§8.15).
OVERSIGNED = (
    *("from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)
# Signed if we wrote them; a mailing list that changes nothing else may still add its own.
_IF_PRESENT = ("sender", "list-id", "list-unsubscribe", "list-unsubscribe-post", "auto-submitted")
Key = RSAPrivateKey | Ed25519PrivateKey
_SPACES = re.compile(rb"(?:[ \t]|\r?\n)+")  # a bare CR is no white space


def relaxed_field(name: str, value: bytes) -> bytes:
    """RFC 6376 §3.4.2."""
    return name.encode("ascii") + b":" + _SPACES.sub(b" ", value).strip() + b"\r\n"


def relaxed_lines(lines: bytes, *, last: bool) -> bytes:
    """RFC 6376 §3.4.4 for whole lines; `last`: the text ends here, maybe within a line."""
    lines = lines.replace(b"\t", b" ")
    while b"  " in lines:  # each turn halves every run; ten times as fast as an expression
        lines = lines.replace(b"  ", b" ")
    lines = lines.replace(b" \r\n", b"\r\n")
    return lines.removesuffix(b" ") if last else lines


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4."""
    body = relaxed_lines(body, last=True)
    end = len(body)
    while body[max(0, end - 2) : end] == b"\r\n":
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def simple_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.3: empty lines at the end are left out, and there is always one line end."""
    end = len(body)
    while body[max(0, end - 2) : end] == b"\r\n":
        end -= 2
    return body[:end] + b"\r\n"


_B_VALUE = re.compile(rb"((?:\A|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


def without_signature(value: bytes) -> bytes:
    """A signature field's value as it was signed: with nothing behind b= (RFC 6376 §3.5)."""
    return _B_VALUE.sub(rb"\1", value, count=1)


def signed_fields(fields: Iterable[Field], names: Iterable[str], *, relaxed: bool) -> bytes:
    """The fields that h= names, in its order: of a name, the last one first, then the one above it (§5.4.2).

    A name that no field is left for stands for nothing, which a verifier would notice if somebody added one.
    """
    above: dict[str, list[Field]] = {}
    for field in fields:
        above.setdefault(field.name, []).append(field)
    chosen: list[bytes] = []
    for name in names:
        left = above.get(name)
        if left:
            field = left.pop()
            chosen.append(relaxed_field(name, field.value) if relaxed else field.raw)
    return b"".join(chosen)


def sign(
    raw: bytes, *, domain: str, selector: str, key: Key, headers: Sequence[str] = OVERSIGNED, when: int
) -> bytes:
    """The DKIM-Signature field to put in front of `raw`; `when` in seconds since the epoch.

    `headers` are over-signed: from then on no field of these names can be added.
    """
    header_end, body_start = split_message(raw)
    body_hash = hashlib.sha256(relaxed_body(raw[body_start:])).digest()
    fields = parse_header(raw[:header_end])
    oversigned = {header.lower() for header in headers}
    names: list[str] = []
    signed = b""
    for name in dict.fromkeys((*(header.lower() for header in headers), *_IF_PRESENT)):
        values = [field.value for field in fields if field.name == name]
        names += [name] * (len(values) + (name in oversigned))
        # RFC 6376 §5.4.2: several fields of a name are signed from the bottom up
        signed += b"".join(relaxed_field(name, value) for value in reversed(values))
    algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
    value = (
        f" v=1; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n\ts={selector}; t={when};"
        f"\r\n\th={folded(':'.join(names))};\r\n\tbh={base64.b64encode(body_hash).decode()};\r\n\tb="
    ).encode("ascii")
    digest_input = signed + relaxed_field("dkim-signature", value).removesuffix(b"\r\n")
    made = base64.b64encode(signature(key, digest_input)).decode()
    return b"DKIM-Signature:" + value + folded(made, every=70).encode() + b"\r\n"


def signature(key: Key, data: bytes) -> bytes:
    """Over bytes in canonical form, with SHA-256."""
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PKCS1v15(), hashes.SHA256())
    return key.sign(hashlib.sha256(data).digest())  # RFC 8463 §3: Ed25519 over the SHA-256 hash


def folded(text: str, every: int = 0) -> str:
    """Base64 cut to lines, or a list of field names broken behind its colons."""
    if every:
        return "\r\n\t".join(text[at : at + every] for at in range(0, len(text), every))
    lines = [""]
    for name in text.split(":"):
        if len(lines[-1]) + len(name) > 66:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n\t".join(lines).removesuffix(":")


def public_record(key: Key) -> str:
    """The TXT record at `selector._domainkey.domain` (RFC 6376 §3.6.1, RFC 8463 §4), one string."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
