"""What leaves this host again, for a forwarding address or a list: sealed with what was found here, and with a sender of ours.

The seal (ARC, RFC 8617) lets the next host know that the message was genuine when it came; the sender (SRS) lets it
pass SPF, and brings bounces back here. Nothing is sealed that was not looked at. Called by `flow.receive`,
`flow.filing` and `flow.lists`, in a thread.
"""

from __future__ import annotations

import logging
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mta import directory
from mta.directory import RemoteTarget, Resolution
from mta.message.address import split
from mta.message.dkim import Key
from mta.trust import arc, srs
from mta.trust.verdict import Verdict

log = logging.getLogger(__name__)

_FIELD_NAME = b"Authentication-Results:"


def onward(raw: bytes, verdict: Verdict, *, domain: str, at: int) -> bytes:
    """The ARC set to put in front of `raw` (before our Received, too), in the name of `domain`, which is ours.

    b'' where it was not looked at, the domain has no key, or a chain before it is broken. `at` in microseconds.
    """
    if not verdict.results.startswith(_FIELD_NAME):
        return b""
    found = _key(domain)
    if found is None:
        return b""
    selector, key = found
    chain = verdict.of("arc")
    results = verdict.results[len(_FIELD_NAME) :].decode("utf-8", "replace").strip()
    return arc.seal(
        raw,
        results_text=results,
        status=chain.result if chain else arc.NONE,
        domain=domain,
        selector=selector,
        key=key,
        at=at // 1_000_000,
    )


def _key(domain: str) -> tuple[str, Key] | None:
    """One active key of the domain; RSA rather than Ed25519, which not every host can check."""
    keys = [(each.selector, _loaded(each.private_key)) for each in directory.current().signing_keys(domain)]
    keys.sort(key=lambda each: not isinstance(each[1], RSAPrivateKey))
    return next(((selector, key) for selector, key in keys if key is not None), None)


@lru_cache(maxsize=256)
def _loaded(pem: bytes) -> Key | None:
    key = load_pem_private_key(pem, password=None)
    return key if isinstance(key, RSAPrivateKey | Ed25519PrivateKey) else None


def sender(address: str, *, domain: str, at: int) -> str:
    """The envelope sender to pass mail on with; our own people's and the null sender stay who they are."""
    if not address or directory.current().is_local_domain(split(address)[1]):
        return address
    return srs.forward(address, domain=domain, at=at)


def back(address: str, *, mail_from: str, at: int) -> Resolution | None:
    """For RCPT: whom a bounce to an SRS address of ours is for; None where the address is no such thing.

    Only for the null sender: bounces are what the address was made for, and nobody shall use it to write to people.
    """
    if not srs.is_srs(address) or not directory.current().is_local_domain(split(address)[1]):
        return None
    target = srs.reverse(address, at=at)
    if target is None or mail_from:
        return None
    return Resolution("ours", (RemoteTarget(target),))
