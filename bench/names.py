"""The bench's own internet: one domain that sends, with SPF, DKIM and DMARC, and a host that is called what it says.

A thread that answers on a loopback port; whatever is not written here does not exist. Answers may be kept for a day,
so after the first message none is asked for again: what is measured is the checking, not a network.
"""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress
from functools import cache

import dkim
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.servers import DOMAIN
from tests.ports import reserved

PORT = reserved()
SENDER_DOMAIN = f"outside.{DOMAIN}"
CLIENT = f"client.{DOMAIN}"
_SELECTOR = "bench"
_DAY = 86_400


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(message: bytes) -> bytes:
    """The message with a DKIM signature of its author's domain."""
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    field: bytes = dkim.sign(
        message,
        _SELECTOR.encode(),
        SENDER_DOMAIN.encode(),
        pem,
        include_headers=[b"from", b"subject", b"date"],
    )
    return field + message


@cache
def _records() -> dict[tuple[str, str], list[str]]:
    public = _key().public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
    pieces = " ".join(f'"{text[n : n + 200]}"' for n in range(0, len(text), 200))
    return {
        (f"{SENDER_DOMAIN}.", "TXT"): ['"v=spf1 ip4:127.0.0.0/8 -all"'],
        (f"{_SELECTOR}._domainkey.{SENDER_DOMAIN}.", "TXT"): [pieces],
        (f"_dmarc.{SENDER_DOMAIN}.", "TXT"): ['"v=DMARC1; p=reject"'],
        (f"{SENDER_DOMAIN}.", "MX"): [f"10 {CLIENT}."],
        ("1.0.0.127.in-addr.arpa.", "PTR"): [f"{CLIENT}."],
        (f"{CLIENT}.", "A"): ["127.0.0.1"],
    }


def serve() -> None:
    """Answer from now on, as long as this process lives; harmless when it does so already."""
    _serve_once()


@cache
def _serve_once() -> None:
    _records()
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", PORT))
    threading.Thread(target=_answer_all, args=(listening,), name="names", daemon=True).start()


def _answer_all(listening: socket.socket) -> None:
    while True:
        asked, peer = listening.recvfrom(4096)
        with suppress(Exception):  # whatever is no question has no answer
            listening.sendto(_answer(dns.message.from_wire(asked)), peer)


def _answer(asked: dns.message.Message) -> bytes:
    question = asked.question[0]
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
    found = _records().get((name, kind))
    if found:
        answer.answer.append(dns.rrset.from_text(question.name, _DAY, "IN", kind, *found))
    elif not any(known == name for known, _kind in _records()):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()
