"""What a mail program must know to reach this mailbox: read from the settings the doors were opened with.

Nothing here is invented: a door that is closed is not offered, a port is the one that listens. Behind a proxy that
moves ports the administrator's own words would be needed; see `PUBLIC_*` in the README.
"""

from __future__ import annotations

import plistlib
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree  # written, never read

import segno
from django.conf import settings
from django.utils.translation import gettext as _

from hosting import host
from webmail.listen import Endpoint, is_loopback

IMAP, POP3, SMTP = "imap", "pop3", "smtp"
TLS, STARTTLS = "tls", "starttls"
ORDER = (  # the way that a program should take first
    (IMAP, TLS, "IMAPS_LISTEN"),
    (IMAP, STARTTLS, "IMAP_LISTEN"),
    (POP3, TLS, "POP3S_LISTEN"),
    (POP3, STARTTLS, "POP3_LISTEN"),
    (SMTP, TLS, "SUBMISSIONS_LISTEN"),
    (SMTP, STARTTLS, "SUBMISSION_LISTEN"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: a protocol, the server's name, its port, and how the line is made private."""

    protocol: str
    host: str
    port: int
    security: str

    @property
    def security_text(self) -> str:
        return _("TLS from the first byte (SSL/TLS)") if self.security == TLS else _("STARTTLS")


def ways() -> tuple[Way, ...]:
    """Every open door, the best of each protocol first."""
    found = []
    for protocol, security, name in ORDER:
        doors: list[Endpoint] = getattr(settings, name)
        if doors:
            found.append(Way(protocol, _shown_host(doors), doors[0][1], security))
    return tuple(found)


def _shown_host(doors: list[Endpoint]) -> str:
    """The host's mail name, which its certificate names; a door on loopback is reached only from there."""
    return host.name() if any(not is_loopback(each[0]) for each in doors) else doors[0][0]


def best(protocol: str) -> Way | None:
    return next((way for way in ways() if way.protocol == protocol), None)


def only_here() -> bool:
    """Whether no other machine can reach a door that a mail program needs."""
    return all(
        is_loopback(each[0]) for _protocol, _security, name in ORDER for each in getattr(settings, name)
    )


def qr(text: str) -> str:
    """A QR code as an SVG whose squares take the colour of the text around."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_inline(scale=4, border=4, svgclass=None, lineclass=None, omitsize=True))


def profile(*, username: str, address: str, name: str) -> bytes:
    """An Apple configuration profile: the account without its password, which the device asks for.

    Not signed: the device says so. A signed one needs a certificate of this host that Apple's devices trust.
    """
    incoming, outgoing = best(IMAP) or best(POP3), best(SMTP)
    if incoming is None or outgoing is None:
        raise LookupError(_("This host has no door that a mail program could use."))
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{address}")
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"mailstead.{identity}.mail",
        "PayloadUUID": str(uuid.uuid5(identity, "mail")).upper(),
        "PayloadDisplayName": address,
        "EmailAccountType": "EmailTypeIMAP" if incoming.protocol == IMAP else "EmailTypePOP",
        "EmailAccountDescription": address,
        "EmailAccountName": name or address,
        "EmailAddress": address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": incoming.security == TLS,
        "IncomingMailServerUsername": username,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": outgoing.host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": outgoing.security == TLS,
        "OutgoingMailServerUsername": username,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"mailstead.{identity}",
            "PayloadUUID": str(identity).upper(),
            "PayloadDisplayName": address,
            "PayloadOrganization": host.name(),
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [account],
        }
    )


def autoconfig(domain: str) -> bytes:
    """Thunderbird's configuration file (clientConfig 1.1): the same for every address of a domain."""
    root = ElementTree.Element("clientConfig", version="1.1")
    provider = ElementTree.SubElement(root, "emailProvider", id=domain)
    _leaf(provider, "domain", domain)
    _leaf(provider, "displayName", domain)
    for way in ways():
        kind = "outgoingServer" if way.protocol == SMTP else "incomingServer"
        server = ElementTree.SubElement(provider, kind, type=way.protocol)
        _leaf(server, "hostname", way.host)
        _leaf(server, "port", str(way.port))
        _leaf(server, "socketType", "SSL" if way.security == TLS else "STARTTLS")
        _leaf(server, "authentication", "password-cleartext")
        _leaf(server, "username", "%EMAILADDRESS%")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8")


def _leaf(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text
