"""How safely a message would travel to each recipient's host, as far as it is known while it is written.

Known is what this mailbox's own messages met there last. Nothing is looked up or tried for it. Called by the views of
compose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from mta import directory
from mta.message.address import BadAddress, canonical_domain
from mta.queue import service as queue

HERE, ENCRYPTED, PLAIN, UNKNOWN = "here", "encrypted", "plain", "unknown"
MOST = 100


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one domain: how safe, and the sentence that says so."""

    state: str
    text: str


def routes(mailspace: int, domains: Iterable[str]) -> dict[str, Route]:
    """By domain as it was asked for; what is no domain is left out."""
    asked: dict[str, str] = {}
    for domain in domains:
        try:
            asked[domain] = canonical_domain(domain)
        except BadAddress:
            continue
        if len(asked) == MOST:
            break
    here = {name for name in set(asked.values()) if directory.current().is_local_domain(name)}
    known = queue.last_security(mailspace, set(asked.values()) - here)
    return {domain: _route(name, name in here, known) for domain, name in asked.items()}


def _route(name: str, here: bool, known: dict[str, tuple[str, int]]) -> Route:
    if here:
        return Route(HERE, _("Stays on this host."))
    if name not in known:
        return Route(UNKNOWN, _("Not known yet: nothing was sent there from here."))
    tls = known[name][0]
    if not tls:
        return Route(PLAIN, _("Not encrypted on the way, last time."))
    return Route(ENCRYPTED, _("Encrypted on the way, last time (%s).") % tls.replace("TLSv", "TLS "))
