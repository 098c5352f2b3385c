"""Signature fields and public keys as values, and whether one fits the other (RFC 6376 §3.5, §3.6; RFC 8301, 8463).

What DKIM-Signature, ARC-Message-Signature and ARC-Seal have in common. Nothing here waits, except for a key in the DNS.
Called by `trust.dkim_check` and `trust.arc`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mta.message.address import BadAddress, canonical_domain
from mta.message.dkim import relaxed_lines
from mta.resolver import Temporary
from mta.trust import tags
from mta.trust.asking import Asking
from mta.trust.tags import BadTags

LEAST_BITS = 1024  # RFC 8301 §3.2
MOST_BITS = 8192  # a verification of it takes a millisecond
MOST_NAMES = 500  # in h=
LONGEST_KEY = 4096

PERMERROR, TEMPERROR, POLICY = "permerror", "temperror", "policy"

_SELECTOR = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
_NUMBER = re.compile(r"[0-9]{1,12}")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,200}")


class Unusable(Exception):
    """A signature that cannot be judged or does not count; `result` in RFC 8601's words, the text says why."""

    def __init__(self, result: str, reason: str) -> None:
        self.result = result
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Signature:
    """The tags that all three fields share. `domain` and `selector` are A-labels in lower case."""

    algorithm: str
    domain: str
    selector: str
    value: bytes
    body_hash: bytes
    names: tuple[str, ...]  # of h=, lower-case; a seal has none
    relaxed_header: bool
    relaxed_body: bool
    length: int | None
    at: int | None
    expires: int | None
    tags: dict[str, str]


def read(value: bytes, *, seal: bool = False, author: bool = True) -> Signature:
    """A signature field's value. Raises Unusable; `seal`: ARC-Seal, which has neither body nor header names.

    `author`: it must cover From (RFC 6376 §5.4).
    """
    try:
        text = value.decode("utf-8")  # RFC 8616: domains in other scripts
        found = tags.parse(text)
        needed = ("a", "b", "d", "s") if seal else ("a", "b", "bh", "d", "s")
        missing = [name for name in needed if not found.get(name)]
        missing += ["h"] if not seal and "h" not in found else []
        if missing:
            raise Unusable(PERMERROR, f"it has no {missing[0]}=")
        signature = tags.base64_bytes(found["b"])
        body_hash = b"" if seal else tags.base64_bytes(found["bh"])
    except (BadTags, UnicodeDecodeError) as error:
        raise Unusable(PERMERROR, f"the signature cannot be read: {error}") from error
    algorithm = found["a"].lower()
    if algorithm not in {"rsa-sha256", "ed25519-sha256"}:
        # RFC 8301 §3.1: rsa-sha1 must not be taken for valid
        old = (
            "it uses SHA-1, which anybody can forge today"
            if algorithm == "rsa-sha1"
            else "nobody knows its algorithm"
        )
        raise Unusable(PERMERROR, old)
    header, body = ("relaxed", "relaxed") if seal else _forms(found.get("c", "simple/simple"))
    return Signature(
        algorithm=algorithm,
        domain=_domain(found["d"]),
        selector=_selector(found["s"]),
        value=signature,
        body_hash=body_hash,
        names=() if seal else _names(found["h"], author=author),
        relaxed_header=header == "relaxed",
        relaxed_body=body == "relaxed",
        length=_number(found, "l"),
        at=_number(found, "t"),
        expires=_number(found, "x"),
        tags=found,
    )


def _forms(text: str) -> tuple[str, str]:
    """RFC 6376 §3.5: the body is signed in its simple form unless c= says otherwise."""
    header, slash, body = tags.without_spaces(text).lower().partition("/")
    body = body if slash else "simple"
    if header not in {"simple", "relaxed"} or body not in {"simple", "relaxed"}:
        raise Unusable(PERMERROR, "nobody knows its canonicalization")
    return header, body


def _domain(text: str) -> str:
    try:
        return canonical_domain(tags.without_spaces(text))
    except BadAddress as error:
        raise Unusable(PERMERROR, "d= names no domain") from error


def _selector(text: str) -> str:
    text = tags.without_spaces(text).lower()
    try:
        text = text if text.isascii() else canonical_domain(text)
    except BadAddress as error:
        raise Unusable(PERMERROR, "s= names no selector") from error
    if len(text) > 200 or not _SELECTOR.fullmatch(text):
        raise Unusable(PERMERROR, "s= names no selector")
    return text


def _names(text: str, *, author: bool) -> tuple[str, ...]:
    names = tuple(name for name in tags.without_spaces(text).lower().split(":", MOST_NAMES + 1) if name)
    if len(names) > MOST_NAMES:
        raise Unusable(PERMERROR, "it names too many fields")
    if author and "from" not in names:
        raise Unusable(PERMERROR, "it does not cover the From field")
    if not all(_FIELD_NAME.fullmatch(name) for name in names):
        raise Unusable(PERMERROR, "h= cannot be read")
    return names


def _number(found: dict[str, str], name: str) -> int | None:
    if name not in found:
        return None
    if not _NUMBER.fullmatch(found[name]):
        raise Unusable(PERMERROR, f"{name}= is no number")
    return int(found[name])


_BLOCK = 256 * 1024
_LINE_END = b"\r\n"


class Body:
    """What begins at `start` of a message: its hash in either form, read block by block, each made once.

    A second copy of a large message would cost more than all the rest.
    """

    def __init__(self, raw: bytes, start: int = 0) -> None:
        self._raw = raw
        self._start = start
        self._known: dict[bool, tuple[bytes, int]] = {}

    def hash(self, *, relaxed: bool) -> bytes:
        return self._made(relaxed)[0]

    def size(self, *, relaxed: bool) -> int:
        """Of the canonical form: what l= counts."""
        return self._made(relaxed)[1]

    def _made(self, relaxed: bool) -> tuple[bytes, int]:
        if relaxed not in self._known:
            made, size = hashlib.sha256(), 0
            for piece in self._pieces(relaxed):
                made.update(piece)
                size += len(piece)
            self._known[relaxed] = made.digest(), size
        return self._known[relaxed]

    def _pieces(self, relaxed: bool) -> Iterator[bytes]:
        """RFC 6376 §3.4.3, §3.4.4. Empty lines wait until it is certain that they are not the last ones."""
        empty, anything = 0, False
        at, end = self._start, len(self._raw)
        while at < end:
            cut = self._raw.find(b"\n", min(at + _BLOCK, end) - 1) + 1 or end
            block = self._raw[at:cut]
            at = cut
            form = relaxed_lines(block, last=at == end) if relaxed else block
            solid = len(form)
            while form[max(0, solid - 2) : solid] == _LINE_END:
                solid -= 2
            if solid:
                yield _LINE_END * empty
                yield form[:solid]
                empty, anything = 0, True
            empty += (len(form) - solid) // 2
        if anything or not relaxed:
            yield _LINE_END


# --- keys --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. `testing`: t=y; `strict`: t=s, where i= must name the domain itself."""

    public: RSAPublicKey | Ed25519PublicKey
    kind: str
    bits: int
    testing: bool
    strict: bool


async def key(asking: Asking, signature: Signature) -> Key:
    """The key that a signature names. Raises Unusable."""
    name = f"{signature.selector}._domainkey.{signature.domain}"
    if len(name) > 253:
        raise Unusable(PERMERROR, "the name of its key is too long")
    try:
        answer = await asking.txt(name)
    except Temporary as trouble:
        raise Unusable(TEMPERROR, "its key could not be asked for") from trouble
    records = [text for text in answer.values if _is_key(text)]
    if not records:
        raise Unusable(PERMERROR, "its key is not published")
    if len(records) > 1:
        # RFC 6376 §3.6.2.2 leaves it open; which of them counts would be the sender's choice
        raise Unusable(PERMERROR, "several keys are published under one name")
    found = read_key(records[0])
    if found.kind != signature.algorithm.partition("-")[0]:
        raise Unusable(PERMERROR, "its key is of another kind")
    if found.kind == "rsa" and not LEAST_BITS <= found.bits <= MOST_BITS:
        size = "weak" if found.bits < LEAST_BITS else "large"
        raise Unusable(POLICY, f"its key is too {size} ({found.bits} bits)")
    return found


def _is_key(text: str) -> bool:
    """A name with a wildcard answers with other texts as well."""
    return len(text) <= LONGEST_KEY and ("p=" in text or text.lstrip().startswith("v=DKIM1"))


@lru_cache(maxsize=1024)
def read_key(text: str) -> Key:
    """RFC 6376 §3.6.1. Raises Unusable."""
    try:
        found = tags.parse(text, gaps=True)
        if "v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v"):
            raise Unusable(PERMERROR, "its key is of another version")
        if "p" not in found:
            raise Unusable(PERMERROR, "its key record holds no key")
        if not found["p"]:
            raise Unusable(PERMERROR, "its key has been revoked")
        data = tags.base64_bytes(found["p"])
    except BadTags as error:
        raise Unusable(PERMERROR, f"its key cannot be read: {error}") from error
    if "sha256" not in _list(found.get("h", "sha256")):
        raise Unusable(PERMERROR, "its key is not for SHA-256")
    if not _list(found.get("s", "*")) & {"*", "email"}:
        raise Unusable(PERMERROR, "its key is not for mail")
    flags = _list(found.get("t", ""))
    kind = found.get("k", "rsa").lower()
    public, bits = _public(kind, data)
    return Key(public, kind, bits, "y" in flags, "s" in flags)


def _list(text: str) -> set[str]:
    return set(tags.without_spaces(text).lower().split(":"))


def _public(kind: str, data: bytes) -> tuple[RSAPublicKey | Ed25519PublicKey, int]:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data), 256
        if kind == "rsa":
            public = load_der_public_key(data)
            if isinstance(public, RSAPublicKey) and public.public_numbers().e < 1 << 64:
                return public, public.key_size
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unusable(PERMERROR, "its key cannot be read") from error
    raise Unusable(PERMERROR, "its key is of a kind nobody knows")


def fits(key: Key, signature: Signature, data: bytes) -> bool:
    """Whether the signature over `data` was made with this key."""
    try:
        if isinstance(key.public, RSAPublicKey):
            key.public.verify(signature.value, data, PKCS1v15(), hashes.SHA256())
        else:
            key.public.verify(signature.value, hashlib.sha256(data).digest())  # RFC 8463 §3
    except InvalidSignature:
        return False
    return True
