"""Where a mail host's servers are, guessed from an address. Pure: a table of what many people have, else `imap.` and
`smtp.` before the domain. What is guessed stands in the form and can be changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from .wire import STARTTLS, TLS, Server


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of one host, and where it says how to make a password for another program."""

    imap: Server
    pop3: Server
    smtp: Server
    name: str = ""
    passwords: str = ""


def _host(
    name: str, imap: str, pop3: str, smtp: str, *, submission: int = 465, passwords: str = ""
) -> Servers:
    tls = TLS if submission == 465 else STARTTLS
    return Servers(Server(imap, 993), Server(pop3, 995), Server(smtp, submission, tls), name, passwords)


_GOOGLE = _host(
    "Gmail",
    "imap.gmail.com",
    "pop.gmail.com",
    "smtp.gmail.com",
    passwords="https://myaccount.google.com/apppasswords",
)
_YAHOO = _host(
    "Yahoo",
    "imap.mail.yahoo.com",
    "pop.mail.yahoo.com",
    "smtp.mail.yahoo.com",
    passwords="https://login.yahoo.com/account/security",
)
_APPLE = _host(
    "iCloud",
    "imap.mail.me.com",
    "imap.mail.me.com",
    "smtp.mail.me.com",
    submission=587,
    passwords="https://account.apple.com/account/manage",
)
_OUTLOOK = _host(
    "Outlook", "outlook.office365.com", "outlook.office365.com", "smtp-mail.outlook.com", submission=587
)
_FASTMAIL = _host(
    "Fastmail",
    "imap.fastmail.com",
    "pop.fastmail.com",
    "smtp.fastmail.com",
    passwords="https://app.fastmail.com/settings/security/apppasswords",
)
_GMX = _host("GMX", "imap.gmx.net", "pop.gmx.net", "mail.gmx.net", submission=587)
_GMX_COM = _host("GMX", "imap.gmx.com", "pop.gmx.com", "mail.gmx.com", submission=587)
_WEB_DE = _host("WEB.DE", "imap.web.de", "pop3.web.de", "smtp.web.de", submission=587)
_T_ONLINE = _host("Telekom", "secureimap.t-online.de", "securepop.t-online.de", "securesmtp.t-online.de")
_POSTEO = _host("Posteo", "posteo.de", "posteo.de", "posteo.de")
_MAILBOX_ORG = _host("mailbox.org", "imap.mailbox.org", "pop3.mailbox.org", "smtp.mailbox.org")
_ZOHO = _host("Zoho", "imap.zoho.com", "pop.zoho.com", "smtp.zoho.com")
_AOL = _host("AOL", "imap.aol.com", "pop.aol.com", "smtp.aol.com")
_ORANGE = _host("Orange", "imap.orange.fr", "pop.orange.fr", "smtp.orange.fr")
_FREE = _host("Free", "imap.free.fr", "pop.free.fr", "smtp.free.fr")
_LIBERO = _host("Libero", "imapmail.libero.it", "popmail.libero.it", "smtp.libero.it")
_YANDEX = _host("Yandex", "imap.yandex.com", "pop.yandex.com", "smtp.yandex.com")

_KNOWN: dict[str, Servers] = {
    domain: servers
    for domains, servers in (
        ("gmail.com googlemail.com", _GOOGLE),
        ("yahoo.com yahoo.de yahoo.fr yahoo.co.uk yahoo.es yahoo.it ymail.com rocketmail.com", _YAHOO),
        ("icloud.com me.com mac.com", _APPLE),
        ("outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr outlook.de hotmail.de", _OUTLOOK),
        ("fastmail.com fastmail.fm", _FASTMAIL),
        ("gmx.de gmx.net gmx.at gmx.ch", _GMX),
        ("gmx.com gmx.co.uk gmx.us mail.com", _GMX_COM),
        ("web.de", _WEB_DE),
        ("t-online.de magenta.de", _T_ONLINE),
        ("posteo.de posteo.net posteo.org", _POSTEO),
        ("mailbox.org", _MAILBOX_ORG),
        ("zoho.com zohomail.com", _ZOHO),
        ("aol.com aol.de", _AOL),
        ("orange.fr wanadoo.fr", _ORANGE),
        ("free.fr", _FREE),
        ("libero.it", _LIBERO),
        ("yandex.com yandex.ru", _YANDEX),
    )
    for domain in domains.split()
}


def guess(address: str) -> Servers:
    """The servers that an address most likely has."""
    domain = address.rpartition("@")[2].lower().strip()
    known = _KNOWN.get(domain)
    if known is not None:
        return known
    return _host("", f"imap.{domain}", f"pop.{domain}", f"smtp.{domain}")


def of_host(host: str) -> Servers | None:
    """The known host that a server belongs to."""
    return next(
        (each for each in _KNOWN.values() if host in (each.imap.host, each.pop3.host, each.smtp.host)), None
    )


GMAIL = _GOOGLE
