"""What is known about where a message comes from, read from its own header and from what delivery noted.

Only two things are believed: what this host found out (kept with the message in `reasons`), and the Received line
that this host wrote itself, which is known again by the message's trace id. Anything else in a header is a claim of
its sender's or of a host before us, and is shown as such: `noted` names the host that says it. Pure; called for the
head of a message, "Show original", "Why is this here" and unsubscribing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mta.mailstore.service import ConversationMessage
from mta.message.headers import Field, decode_text, parse_header, raw_params, split_message, unfold
from mta.trust.verdict import Evidence, read

METHODS = ("iprev", "spf", "dkim", "dmarc", "arc")
MOST_FIELDS = 400
_TRACE = re.compile(
    r"from (?P<helo>\S{1,255}) \((?P<rdns>\S{0,255}) \[(?:IPv6:)?(?P<ip>[^\]\s]{1,64})\]\)\s"
    r"by (?P<by>\S{1,255}) with (?P<protocol>\S{1,20}) id (?P<id>[^\s;]{1,64})(?:\s\((?P<tls>[^()]{1,200})\))?"
)
_DOMAIN = re.compile(r"[^\s<>@,;\"()]{1,255}")
_RESULT = re.compile(r"\b(spf|dkim|dmarc)\s{0,4}=\s{0,4}([a-z]{1,20})\b([^;]{0,400})", re.IGNORECASE)
_PROPERTY = re.compile(
    r"(?:header\.d|header\.i|header\.from|smtp\.mailfrom)\s{0,2}=\s{0,2}([^\s;]{1,255})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Known:
    """`came` says how this host got it: "outside", "signed-in" (a mail program of one of our people), "here"
    (written on this host, or by it), or "" when the header does not tell (imported, appended)."""

    came: str = ""
    host: str = ""  # what the other host called itself
    ip: str = ""
    tls: str = ""
    checked: tuple[Evidence, ...] = ()  # by this host
    noted: tuple[Evidence, ...] = ()  # by the host before, for mail that was brought here
    noted_by: str = ""
    delivered_to: str = ""  # under which address it came, as this host noted it
    mailed_by: str = ""  # the domain of the envelope's sender
    signed_by: str = ""  # the domain that a DKIM-Signature names
    signs: frozenset[str] = frozenset()  # the fields it says it covers
    unsubscribe: str = ""
    one_click: bool = False
    list_post: str = ""

    def result(self, method: str) -> str:
        """pass, fail …, or "" when this host has not looked."""
        return next((each.result for each in self.checked if each.method == method), "")

    def found(self, method: str) -> Evidence | None:
        return next((each for each in self.checked if each.method == method), None)


def known(message: ConversationMessage, raw: bytes) -> Known:
    """All of it, from the message's bytes (at least its header)."""
    end, _start = split_message(raw)
    fields = parse_header(raw[:end])[:MOST_FIELDS]
    checked = read(message.reasons.get("evidence")) if isinstance(message.reasons, dict) else ()
    trace = _own_trace(fields, message.trace_id)
    signature = _signature(fields, next((each.domain for each in checked if each.method == "dkim"), ""))
    came = ""
    if trace is not None:
        # RFC 3848: the A stands for a client that signed in.
        came = "signed-in" if trace["protocol"].upper().endswith("A") else "outside"
    elif message.trace_id:
        came = "here"
    noted, noted_by = ((), "") if came else _noted(fields)
    return Known(
        came=came,
        host=trace["helo"] if trace else "",
        ip=trace["ip"] if trace else "",
        tls=(trace["tls"] or "") if trace else "",
        checked=checked,
        noted=noted,
        noted_by=noted_by,
        delivered_to=_text(fields, "delivered-to")[:320] if came in ("outside", "here", "signed-in") else "",
        mailed_by=_domain_of(_first(fields, "return-path")),
        signed_by=signature[0],
        signs=signature[1],
        unsubscribe=_text(fields, "list-unsubscribe"),
        one_click=_text(fields, "list-unsubscribe-post").strip().lower() == "list-unsubscribe=one-click",
        list_post=_text(fields, "list-post"),
    )


def _own_trace(fields: Sequence[Field], trace_id: str) -> re.Match[str] | None:
    """The topmost Received line, if it is the one this host wrote for this very message."""
    value = _first(fields, "received")
    if value is None or not trace_id:
        return None
    match = _TRACE.match(" ".join(unfold(value[:2000]).decode("utf-8", "replace").split()))
    return match if match and match["id"] == trace_id else None


def _signature(fields: Sequence[Field], preferred: str) -> tuple[str, frozenset[str]]:
    """(d=, the names in h=) of the signature that was checked, else of the first one (RFC 6376 §3.5)."""
    found: list[tuple[str, frozenset[str]]] = []
    for field in fields:
        if field.name != "dkim-signature" or len(found) == 10:
            continue
        tags: dict[str, str] = {}
        for piece in unfold(field.value[:8000]).decode("ascii", "replace").split(";")[:40]:
            name, _equals, value = piece.partition("=")
            tags.setdefault(name.strip().lower(), "".join(value.split()))
        if _DOMAIN.fullmatch(tags.get("d", "")):
            found.append((tags["d"].lower(), frozenset(tags.get("h", "").lower().split(":"))))
    return next((each for each in found if each[0] == preferred), found[0] if found else ("", frozenset()))


def _noted(fields: Sequence[Field]) -> tuple[tuple[Evidence, ...], str]:
    """What the topmost Authentication-Results says (RFC 8601 §2.2), and which host says it."""
    value = _first(fields, "authentication-results")
    if value is None:
        return (), ""
    host, _params = raw_params(value[:8000])
    text = decode_text(value[:8000])
    found: dict[str, Evidence] = {}
    for match in _RESULT.finditer(text.partition(";")[2]):
        method = match[1].lower()
        named = _PROPERTY.search(match[3])
        domain = named[1].rpartition("@")[2].lower() if named else ""
        found.setdefault(method, Evidence(method, match[2].lower(), "", domain))
    return tuple(found.values()), host.split(" ")[0][:255]


def _first(fields: Sequence[Field], name: str) -> bytes | None:
    return next((field.value for field in fields if field.name == name), None)


def _text(fields: Sequence[Field], name: str) -> str:
    value = _first(fields, name)
    return decode_text(value[:4000]) if value is not None else ""


def _domain_of(value: bytes | None) -> str:
    if value is None:
        return ""
    domain = decode_text(value[:1000]).strip("<> ").rpartition("@")[2].lower()
    return domain if _DOMAIN.fullmatch(domain) and "." in domain else ""
