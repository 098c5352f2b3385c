"""DKIM: which domains answer for this message, and is it as they signed it (RFC 6376 §6, RFC 8301, 8463)?

At most ten signatures are looked at, the topmost ones. A signature counts only if it covers the whole body: with l=
anything could be added behind it. Called by `trust.checks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mta.message.dkim import relaxed_field, signed_fields, without_signature
from mta.message.headers import Field
from mta.trust import signatures
from mta.trust.asking import Asking
from mta.trust.signatures import PERMERROR, POLICY, TEMPERROR, Body, Key, Signature, Unusable
from mta.trust.tags import without_spaces

PASS, FAIL, NEUTRAL = "pass", "fail", "neutral"
MOST_SIGNATURES = 10


@dataclass(frozen=True, slots=True)
class Dkim:
    """What became of one signature. `value` is the beginning of b=, which tells two of a domain apart (RFC 6008)."""

    result: str
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    value: str = ""
    reason: str = ""
    bits: int = 0


@dataclass(frozen=True, slots=True)
class _Judged:
    """A signature on its way: what is wrong with it already, or its key."""

    field: Field
    signature: Signature | None = None
    key: Key | None = None
    trouble: Unusable | None = None


async def keys(asking: Asking, fields: Sequence[Field], *, at: int) -> list[_Judged]:
    """The signatures of a header with their keys; `at` in seconds."""
    found = [field for field in fields if field.name == "dkim-signature"][:MOST_SIGNATURES]
    return list(await asyncio.gather(*(_with_key(asking, field, at) for field in found)))


async def _with_key(asking: Asking, field: Field, at: int) -> _Judged:
    signature = None
    try:
        signature = read(field.value, at=at)
        key = await signatures.key(asking, signature)
        if key.strict and _identity(signature) != signature.domain:
            raise Unusable(PERMERROR, "it speaks for another domain than its key allows")  # §3.6.1, t=s
    except Unusable as trouble:
        return _Judged(field, signature, trouble=trouble)
    return _Judged(field, signature, key)


def read(value: bytes, *, at: int) -> Signature:
    """RFC 6376 §6.1.1. Raises Unusable."""
    signature = signatures.read(value)
    tags = signature.tags
    if tags.get("v") != "1":
        raise Unusable(PERMERROR, "it is of another version")
    if "dns/txt" not in without_spaces(tags.get("q", "dns/txt")).lower().split(":"):
        raise Unusable(PERMERROR, "nobody knows where its key is")
    identity = _identity(signature)
    if identity != signature.domain and not identity.endswith("." + signature.domain):
        raise Unusable(PERMERROR, "it speaks for another domain than its own")
    if signature.expires is not None:
        if signature.at is not None and signature.expires <= signature.at:
            raise Unusable(PERMERROR, "it ended before it began")
        if signature.expires < at:
            raise Unusable(FAIL, "it has expired")
    return signature


def _identity(signature: Signature) -> str:
    """The domain in i=, by default that in d=."""
    if "i" not in signature.tags:
        return signature.domain
    _local, at, domain = without_spaces(signature.tags["i"]).rpartition("@")
    if not at:
        raise Unusable(PERMERROR, "i= cannot be read")
    return signatures._domain(domain)


def late(fields: Sequence[Field], *, at: int) -> tuple[Dkim, ...]:
    """Their time is over and nothing is known of them: none has failed, and each could have been good."""
    found = []
    for field in [field for field in fields if field.name == "dkim-signature"][:MOST_SIGNATURES]:
        try:
            signature = read(field.value, at=at)
        except Unusable as trouble:
            found.append(Dkim(trouble.result, reason=str(trouble)))
        else:
            found.append(_told(signature, None, TEMPERROR, "there was no time to check it"))
    return tuple(found)


def verify(judged: Sequence[_Judged], fields: Sequence[Field], body: Body) -> tuple[Dkim, ...]:
    """The results, in the order of the fields. Takes the processor's time, asks nobody."""
    return tuple(_verified(each, fields, body) for each in judged)


def _verified(judged: _Judged, fields: Sequence[Field], body: Body) -> Dkim:
    signature, key = judged.signature, judged.key
    if signature is None:
        trouble = judged.trouble
        return Dkim(trouble.result if trouble else PERMERROR, reason=str(trouble))
    try:
        if key is None:
            raise judged.trouble or Unusable(TEMPERROR, "its key could not be asked for")
        try:
            _compare(signature, key, judged.field, fields, body)
        except Unusable as trouble:
            if key.testing and trouble.result == FAIL:  # §3.6.1, t=y: as if it were not signed
                raise Unusable(NEUTRAL, f"{trouble}; its domain only tries signing out") from trouble
            raise
    except Unusable as trouble:
        return _told(signature, key, trouble.result, str(trouble))
    return _told(signature, key, PASS, "")


def _told(signature: Signature, key: Key | None, result: str, reason: str) -> Dkim:
    return Dkim(
        result,
        signature.domain,
        signature.selector,
        signature.algorithm,
        without_spaces(signature.tags["b"])[:8],
        reason,
        key.bits if key else 0,
    )


def _compare(signature: Signature, key: Key, field: Field, fields: Sequence[Field], body: Body) -> None:
    """RFC 6376 §6.1.3. Raises Unusable."""
    size = body.size(relaxed=signature.relaxed_body)
    if signature.length is not None and signature.length > size:
        raise Unusable(FAIL, "part of the text is missing")
    if signature.length is not None and signature.length < size:
        raise Unusable(
            POLICY, "it covers only the beginning of the text"
        )  # §8.2: anything may stand behind that
    if body.hash(relaxed=signature.relaxed_body) != signature.body_hash:
        raise Unusable(FAIL, "the text was changed on the way")
    if not signatures.fits(key, signature, signed_header(signature, field, fields)):
        raise Unusable(FAIL, "the header was changed on the way, or the signature was not made with this key")


def signed_header(signature: Signature, field: Field, fields: Sequence[Field]) -> bytes:
    """RFC 6376 §3.7: the fields of h=, and the signature's own without its value and its line end."""
    others = [each for each in fields if each is not field]
    header = signed_fields(others, signature.names, relaxed=signature.relaxed_header)
    own = without_signature(field.value)
    if signature.relaxed_header:
        return header + relaxed_field(field.name, own).removesuffix(b"\r\n")
    colon = field.raw.index(b":") + 1
    return header + field.raw[:colon] + own
