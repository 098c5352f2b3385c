"""Can this host take part in mail? Its name, the name of its address, and outbound port 25, in words.

Asks the DNS and opens one TCP connection, each with a time-out; never sends anything. Called by the
set-up page and by nothing on a hot path.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from hosting import host
from mta import resolver
from mta.resolver import Temporary

GOOD, WARN, DANGER, UNKNOWN = "good", "warn", "danger", "off"
# Large receivers that answer on port 25 for everybody: if none can be reached, the way out is shut.
WITNESSES = ("gmail.com", "outlook.com", "yahoo.com")
PATIENCE = 4.0  # seconds for one connection


@dataclass(frozen=True, slots=True)
class HostFinding:
    title: str
    state: str
    said: str
    todo: str = ""


def run() -> tuple[HostFinding, ...]:
    name = host.name()
    checks: tuple[Callable[[], HostFinding], ...] = (
        lambda: check_name(name),
        lambda: check_reverse(name),
        check_way_out,
    )
    with ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="host-check") as pool:
        return tuple(pool.map(lambda check: check(), checks))


def check_name(name: str) -> HostFinding:
    title = _("Address of %s") % name
    try:
        found = resolver.addresses_sync(name)
    except Temporary:
        return HostFinding(title, UNKNOWN, _("The DNS did not answer."))
    if found:
        return HostFinding(title, GOOD, _("It leads to %s.") % ", ".join(found.values))
    return HostFinding(
        title,
        DANGER,
        _("The name has no address, so nobody finds this host."),
        _("Publish an A record (and AAAA for IPv6) with this machine’s public address."),
    )


def check_reverse(name: str) -> HostFinding:
    """Many receivers refuse mail from addresses whose name does not lead back (RFC 1912 §2.1)."""
    title = _("Name of the address")
    try:
        addresses = [each for each in resolver.addresses_sync(name).values if not is_local(each)]
        if not addresses:
            return HostFinding(title, UNKNOWN, _("There is no public address to look up yet."))
        wrong = [each for each in addresses if name not in resolver.ptr_sync(each).values]
    except Temporary:
        return HostFinding(title, UNKNOWN, _("The DNS did not answer."))
    if not wrong:
        return HostFinding(title, GOOD, _("The address leads back to %s.") % name)
    return HostFinding(
        title,
        WARN,
        _("%(address)s does not lead back to %(name)s; many hosts refuse mail from such an address.")
        % {"address": ", ".join(wrong), "name": name},
        _("Ask whoever gave you the address to set its reverse DNS (PTR) to %s.") % name,
    )


def check_way_out() -> HostFinding:
    title = _("Sending to the world")
    if settings.RELAY_SMARTHOST:
        return HostFinding(title, GOOD, _("Mail leaves through %s.") % settings.RELAY_SMARTHOST)
    if settings.DEMO_SANDBOX:
        return HostFinding(title, GOOD, _("Mail goes to the sandbox internet of this demo."))
    asked = False
    for witness in WITNESSES:
        try:
            exchangers = resolver.mx_sync(witness).values
        except Temporary:
            continue
        for exchanger in sorted(exchangers, key=lambda each: each.preference)[:1]:
            asked = True
            if _answers(exchanger.host, settings.RELAY_PORT):
                return HostFinding(title, GOOD, _("Other mail hosts can be reached."))
    if not asked:
        return HostFinding(title, UNKNOWN, _("The DNS did not answer, so this could not be tried."))
    return HostFinding(
        title,
        DANGER,
        _("No other mail host can be reached on port %d. Providers often block it.") % settings.RELAY_PORT,
        _("Ask your provider to open it, or send through a smart host: RELAY_SMARTHOST=host:port."),
    )


def _answers(name: str, port: int) -> bool:
    try:
        with socket.create_connection((name, port), timeout=PATIENCE):
            return True
    except OSError:
        return False


def is_local(name: str) -> bool:
    """Whether an address of a listener, or of a host, is one that only this machine or network reaches."""
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or (address.is_private and not address.is_unspecified)
