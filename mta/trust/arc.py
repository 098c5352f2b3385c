"""ARC: what the hosts on the way found, sealed by each of them in turn (RFC 8617). Verifying a chain; adding to one.

A chain proves who handled the message, not that it is good: only a sealer whom the administrator trusts can speak for
mail that fails DMARC here. Called by `trust.checks`; `mta.flow.sealing` writes the set for what leaves again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mta.message import dkim
from mta.message.dkim import relaxed_body, relaxed_field, without_signature
from mta.message.headers import Field, parse_header, split_message
from mta.trust import results, signatures, tags
from mta.trust.asking import Asking
from mta.trust.dkim_check import signed_header
from mta.trust.results import Result
from mta.trust.signatures import Body, Key, Signature, Unusable
from mta.trust.tags import BadTags

PASS, FAIL, NONE, TEMPERROR = "pass", "fail", "none", "temperror"
MOST_SETS = 50  # §5.2, and no chain is made longer
AAR, AMS, SEAL = "arc-authentication-results", "arc-message-signature", "arc-seal"
NAMES = frozenset({AAR, AMS, SEAL})

_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t]*=[ \t\r\n]*([0-9]{1,3})[ \t\r\n]*;")
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One set: who sealed it and what they say they had found."""

    instance: int
    domain: str
    results: tuple[Result, ...] = ()

    def of(self, method: str) -> str:
        return next((each.result for each in self.results if each.method == method), "")


@dataclass(frozen=True, slots=True)
class Arc:
    result: str
    sets: tuple[Sealed, ...] = ()
    reason: str = ""
    length: int = 0  # highest instance that stands there, valid or not
    covers_author: bool = False  # the last one signed From


class _Broken(Exception):
    """The chain is not valid; the text says why."""


@dataclass(frozen=True, slots=True)
class _Set:
    results: Field
    message: Field
    seal: Field
    message_signature: Signature
    seal_signature: Signature


@dataclass(frozen=True, slots=True)
class Chain:
    """The sets of a message with the keys they need, or what is wrong with them already."""

    sets: tuple[_Set, ...] = ()
    keys: tuple[Key, ...] = ()  # of each seal, then that of the last message signature
    found: Arc | None = None


async def chain(asking: Asking, fields: Sequence[Field]) -> Chain:
    """RFC 8617 §5.2, steps 1 to 3, and the keys for the others."""
    own = [field for field in fields if field.name in NAMES]
    if not own:
        return Chain(found=Arc(NONE))
    length = max((_instance(field) for field in own), default=0)
    try:
        sets = _sets(own)
        wanted = [each.seal_signature for each in sets] + [sets[-1].message_signature]
        keys = await asyncio.gather(*(signatures.key(asking, each) for each in wanted))
    except _Broken as broken:
        return Chain(found=Arc(FAIL, reason=str(broken), length=length))
    except Unusable as trouble:
        result = TEMPERROR if trouble.result == signatures.TEMPERROR else FAIL
        return Chain(
            found=Arc(result, reason=f"One of its seals cannot be checked: {trouble}.", length=length)
        )
    return Chain(sets, tuple(keys))


def _instance(field: Field) -> int:
    """i= of any of the three, 0 if there is none. It stands first in the results (§4.1.1)."""
    if field.name == AAR:
        match = _INSTANCE.match(field.value)
        return int(match[1]) if match else 0
    try:
        text = tags.parse(field.value.decode("utf-8", "replace")).get("i", "")
    except BadTags:
        return 0
    return int(text) if _NUMBER.fullmatch(text) else 0


def _sets(own: Sequence[Field]) -> tuple[_Set, ...]:
    """The sets in order, each complete, without gaps, each saying that those before it were good. Raises _Broken."""
    found: dict[tuple[int, str], Field] = {}
    for field in own:
        instance = _instance(field)
        if not 1 <= instance <= MOST_SETS:
            raise _Broken("One of its seals has no number.")
        if (instance, field.name) in found:
            raise _Broken("Two of its seals have the same number.")
        found[instance, field.name] = field
    count = max(instance for instance, _name in found)
    if len(found) != 3 * count:
        raise _Broken("Part of its seals is missing.")
    sets = []
    for instance in range(1, count + 1):
        seal, message = found[instance, SEAL], found[instance, AMS]
        try:
            sealed, signed = (
                signatures.read(seal.value, seal=True),
                signatures.read(message.value, author=False),
            )
        except Unusable as trouble:
            raise _Broken(f"One of its seals cannot be read: {trouble}.") from trouble
        if "h" in sealed.tags:  # §4.1.3
            raise _Broken("One of its seals says what it covers, which seals must not.")
        if SEAL in signed.names:  # §4.1.2
            raise _Broken("One of its signatures covers seals that came later.")
        said = sealed.tags.get("cv", "").lower()
        if said != (NONE if instance == 1 else PASS):
            raise _Broken(
                "It was broken already before it came here."
                if said == FAIL
                else "One of its seals contradicts itself."
            )
        sets.append(_Set(found[instance, AAR], message, seal, signed, sealed))
    return tuple(sets)


def verify(found: Chain, fields: Sequence[Field], body: Body) -> Arc:
    """RFC 8617 §5.2, steps 4 to 7. Takes the processor's time, asks nobody."""
    if found.found is not None:
        return found.found
    count = len(found.sets)
    last = found.sets[-1]
    wrong = _wrong(last, found.keys[-1], fields, body)
    if wrong:
        return Arc(FAIL, reason=wrong, length=count)
    for number in range(count, 0, -1):
        each = found.sets[number - 1]
        if not signatures.fits(found.keys[number - 1], each.seal_signature, _sealed(found.sets[:number])):
            return Arc(FAIL, reason="One of its seals is not genuine.", length=count)
    told = tuple(
        Sealed(number, each.seal_signature.domain, _said(each.results))
        for number, each in enumerate(found.sets, start=1)
    )
    return Arc(PASS, told, length=count, covers_author="from" in last.message_signature.names)


def _wrong(last: _Set, key: Key, fields: Sequence[Field], body: Body) -> str:
    """What is wrong with the last message signature; '' if nothing.

    Without c= it is in simple form (RFC 6376 §3.5). The drafts of ARC said relaxed, and hosts still sign so.
    """
    signature, wrong = last.message_signature, ""
    forms = [signature]
    if "c" not in signature.tags:
        forms.append(replace(signature, relaxed_header=True, relaxed_body=True))
    for form in forms:
        whole = form.length is None or form.length == body.size(relaxed=form.relaxed_body)
        if not whole or body.hash(relaxed=form.relaxed_body) != form.body_hash:
            wrong = wrong or "The text was changed after it was sealed."
        elif not signatures.fits(key, form, signed_header(form, last.message, fields)):
            wrong = "The header was changed after it was sealed."
        else:
            return ""
    return wrong


def _said(field: Field) -> tuple[Result, ...]:
    match = _INSTANCE.match(field.value)
    return results.read(field.value[match.end() :])[1] if match else ()


def _sealed(sets: Sequence[_Set]) -> bytes:
    """§5.1.1: all sets in order, the last seal without its value and its line end."""
    lines = [
        relaxed_field(field.name, field.value)
        for each in sets
        for field in (each.results, each.message, each.seal)
    ]
    last = sets[-1].seal
    lines[-1] = relaxed_field(last.name, without_signature(last.value)).removesuffix(b"\r\n")
    return b"".join(lines)


def trusted(found: Arc, sealers: Sequence[str]) -> Sealed | None:
    """The set that may speak for the message: sealed by one who is trusted, as all after it are; it found DMARC in order."""
    if found.result != PASS or not found.covers_author or not sealers:
        return None
    for each in reversed(found.sets):
        if each.domain not in sealers:
            return None
        if each.of("dmarc") == PASS:
            return each
    return None


# --- sealing -----------------------------------------------------------------------------------------------

# RFC 8617 §5.1: what a reader sees and what says where it came from; neither results of hosts nor other seals.
_SIGNED = (
    *("from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references", "sender"),
    *(
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-id",
        "list-unsubscribe",
        "dkim-signature",
    ),
)


def seal(
    raw: bytes, *, results_text: str, status: str, domain: str, selector: str, key: dkim.Key, at: int
) -> bytes:
    """The three fields of the next set, to stand in front of `raw`; b'' where no set may be added (§5.1.2).

    `results_text`: an Authentication-Results value of ours; `status`: what `verify` found; `at` in seconds.
    """
    header_end, body_start = split_message(raw)
    fields = parse_header(raw[:header_end])
    own = [field for field in fields if field.name in NAMES]
    instance = max((_instance(field) for field in own), default=0) + 1
    if instance > MOST_SETS or status not in {PASS, NONE} or (status == NONE) != (not own):
        return b""  # a broken chain stays as it is: nothing that is added can be believed
    try:
        before = _sets(own) if own else ()
    except _Broken:
        return b""
    algorithm = "rsa-sha256" if isinstance(key, dkim.RSAPrivateKey) else "ed25519-sha256"
    aar = f"ARC-Authentication-Results: i={instance}; {results_text}\r\n".encode()
    names = [name for name in _SIGNED for field in fields if field.name == name]
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(raw[body_start:])).digest()).decode()
    value = (
        f" i={instance}; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n\ts={selector}; t={at};"
        f"\r\n\th={dkim.folded(':'.join(names))};\r\n\tbh={body_hash};\r\n\tb="
    ).encode()
    covered = dkim.signed_fields(fields, names, relaxed=True)
    covered += relaxed_field(AMS, value).removesuffix(b"\r\n")
    ams = b"ARC-Message-Signature:" + value + _base64(key, covered) + b"\r\n"
    value = (
        f" i={instance}; a={algorithm}; t={at}; cv={status};\r\n\td={domain}; s={selector};\r\n\tb="
    ).encode()
    earlier = b"".join(
        relaxed_field(field.name, field.value)
        for each in before
        for field in (each.results, each.message, each.seal)
    )
    new = b"".join(relaxed_field(field.name, field.value) for field in parse_header(aar + ams))
    covered = earlier + new + relaxed_field(SEAL, value).removesuffix(b"\r\n")
    return b"ARC-Seal:" + value + _base64(key, covered) + b"\r\n" + ams + aar


def _base64(key: dkim.Key, covered: bytes) -> bytes:
    return dkim.folded(base64.b64encode(dkim.signature(key, covered)).decode(), every=70).encode()
