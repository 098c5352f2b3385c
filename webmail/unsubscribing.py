"""Leaving a mailing list: what a message offers (RFC 2369 §3.2, RFC 8058), and doing it.

One click comes first: a POST from this host to the list's https address, after the reader has confirmed which host is
told. RFC 8058 §4 asks for a DKIM signature that covers both fields. Until this host checks signatures itself, one that
names both fields is enough; one that is known to be wrong, or a sender whose own domain disowns the message, never is.
Then a mail to the address the list names; then its page, which the reader opens in person. Pure but for `leave`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from django.utils.translation import gettext as _

from hosting.access import Sender
from mta.flow import submit
from mta.message import build
from mta.message.address import Address, BadAddress, canonical_domain, parse_addresses, split
from mta.message.build import Outgoing
from mta.values import Cause
from webmail.answering import open_new
from webmail.evidence import Known
from webmail.fetching import Fetched, FetchTrouble, fetch

ONE_CLICK, MAIL, PAGE = "one-click", "mail", "page"
MOST_WAYS = 10
MAX_URL = 2000
MAX_ANSWER = 64 * 1024
BOTH_FIELDS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
_WAY = re.compile(r"<\s{0,9}([^<>\s]{1,2000})\s{0,9}>")


Ask = Callable[..., Fetched]


class CannotLeave(Exception):
    """It did not work; the text says why and what else there is."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A way out. `target` is a URL or a mailto; `where` the host or address that will be told."""

    kind: str
    target: str
    where: str


def offer(known: Known) -> Offer | None:
    """The best way that a message offers; None when it offers none, or is not what it says it is."""
    if known.result("dmarc") == "fail":
        return None
    ways = _WAY.findall(known.unsubscribe)[:MOST_WAYS]
    pages = [way for way in ways if _is_page(way)]
    secure = next((way for way in pages if way.lower().startswith("https://")), "")
    if secure and known.one_click and known.result("dkim") in ("", "pass") and known.signs >= BOTH_FIELDS:
        return Offer(ONE_CLICK, secure, _host(secure))
    for way in ways:
        address = _address(way)
        if address:
            return Offer(MAIL, way, address)
    return Offer(PAGE, pages[0], _host(pages[0])) if pages else None


def leave(
    mailspace: int, account: int, found: Offer, *, sender: Sender, cause: Cause, ask: Ask = fetch
) -> str:
    """Do it; the sentence that says what was done. Raises CannotLeave. `ask` asks other hosts."""
    if found.kind == ONE_CLICK:
        return _one_click(found, ask)
    if found.kind == MAIL:
        submit.submit_letter(mailspace, account, _letter(found, sender), cause=cause)
        return _("Unsubscribed by a mail to %(address)s.") % {"address": found.where}
    raise CannotLeave(_("This list only has a page to leave it: open %(host)s.") % {"host": found.where})


def _one_click(found: Offer, ask: Ask) -> str:
    """RFC 8058 §3.1: these bytes, no cookies, and no redirect is followed."""
    try:
        answer = ask(
            found.target,
            method="POST",
            body=b"List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
            limit=MAX_ANSWER,
            redirects=0,
        )
    except FetchTrouble as error:
        raise CannotLeave(
            _("%(host)s did not answer, so you are still on the list. Try again later.")
            % {"host": found.where}
        ) from error
    if not 200 <= answer.status < 300:
        raise CannotLeave(
            _("%(host)s refused it (%(status)d), so you are still on the list.")
            % {"host": found.where, "status": answer.status}
        )
    return _("Unsubscribed: %(host)s has confirmed it.") % {"host": found.where}


def _letter(found: Offer, sender: Sender) -> Outgoing:
    """What the mailto asks for: one address, a subject, a body, and nothing else that it names."""
    wished = open_new([sender], found.target.partition(":")[2])
    return Outgoing(
        from_=Address(sender.name, *split(sender.address)),
        to=(Address("", *split(found.where)),),
        subject=wished.subject[:200] or "unsubscribe",
        text=(_body(found.target)[:1000] or "unsubscribe") + "\n",
        message_id=build.new_message_id(split(sender.address)[1]),
        date=datetime.now(UTC),
        extra_headers=(("Auto-Submitted", "auto-generated"),),
    )


def _body(mailto: str) -> str:
    query = urlsplit(mailto).query.replace("+", "%2B")
    return next((text for name, text in _pairs(query) if name == "body"), "")


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name.lower(), text) for name, text in parse_qsl(query[:MAX_URL], max_num_fields=20)]


def _is_page(way: str) -> bool:
    try:
        parts = urlsplit(way)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _address(way: str) -> str:
    """The one address of a mailto, or ""."""
    if not way.lower().startswith("mailto:"):
        return ""
    path = way[7:].partition("?")[0].replace("%40", "@")
    try:
        found = parse_addresses(path, 2)
        if len(found) != 1 or not found[0].local:
            return ""
        return f"{found[0].local}@{canonical_domain(found[0].domain)}"
    except BadAddress:
        return ""
