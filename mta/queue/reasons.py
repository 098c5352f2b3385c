"""Why a recipient stands where it stands: from a server's reply to a key, from the key to a sentence.

Keys are stored, sentences are not, so that they can be translated for whoever reads them. Pure.
The enhanced codes are RFC 3463's; where a server gives none, the basic code decides.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

HERE, DELIVERED = "delivered here", "delivered"
NO_MAILBOX, NO_DOMAIN, NO_MAIL, BAD_ADDRESS = "no mailbox", "no domain", "no mail", "bad address"
FULL, DISABLED, TOO_BIG, REFUSED_CONTENT = "mailbox full", "mailbox disabled", "too big", "content"
POLICY, REFUSED, NO_UTF8 = "policy", "refused", "no utf8"
WAIT, BUSY, TROUBLE = "asked to wait", "busy", "trouble"
DNS, UNREACHABLE, LOST, SLOW, TLS = "dns", "unreachable", "lost", "slow", "tls"
LOOP, PRIVATE, LOCAL_TROUBLE, GONE_LOCAL = "loop", "private", "local trouble", "gone local"
NO_ENTRY = "no entry"  # the smart host does not take the password
NOT_ALLOWED = "may not send"  # kept back at its hour, see mta.flow.scheduled

_BY_DETAIL = {
    "1.0": NO_MAILBOX,
    "1.1": NO_MAILBOX,
    "1.2": NO_DOMAIN,
    "1.3": BAD_ADDRESS,
    "1.6": NO_MAILBOX,
    "1.10": NO_MAIL,
    "2.1": DISABLED,
    "2.2": FULL,
    "2.3": TOO_BIG,
    "3.1": FULL,
    "3.2": BUSY,
    "3.4": TOO_BIG,
    "4.5": BUSY,
    "4.6": LOOP,
    "5.3": BUSY,
    "6.7": NO_UTF8,
}
_BY_SUBJECT = {"1": BAD_ADDRESS, "6": REFUSED_CONTENT, "7": POLICY}
_BY_CODE = {
    421: BUSY,
    450: WAIT,
    451: WAIT,
    452: BUSY,
    454: TLS,
    550: NO_MAILBOX,
    551: NO_MAILBOX,
    552: FULL,
    553: BAD_ADDRESS,
    554: REFUSED,
}


def reason_for(code: int, enhanced: str, *, at_data: bool = False) -> str:
    """The key for a server's refusal; `at_data`: the reply was about the message, not about a recipient."""
    _class, _dot, detail = enhanced.partition(".")
    subject = detail.partition(".")[0]
    temporary = 400 <= code < 500
    if detail in _BY_DETAIL:
        return _BY_DETAIL[detail]
    if subject in _BY_SUBJECT:
        # "4.7.1, try again later" is greylisting, not a judgement.
        return WAIT if temporary and subject == "7" else _BY_SUBJECT[subject]
    if at_data and code in (550, 554):
        return REFUSED
    if at_data and code == 552:
        return TOO_BIG
    return _BY_CODE.get(code, WAIT if temporary else REFUSED)


def said(reason: str, *, address: str, state: str = "") -> str:
    """One plain sentence about a recipient, in the reader's language; without the time of the next try."""
    domain = address.rpartition("@")[2]
    sentences = {
        HERE: _("Delivered."),
        DELIVERED: _("Delivered to the server of %(domain)s."),
        NO_MAILBOX: _("There is no mailbox %(address)s."),
        NO_DOMAIN: _("The domain %(domain)s does not exist."),
        NO_MAIL: _("%(domain)s does not take mail."),
        BAD_ADDRESS: _("The server of %(domain)s does not accept the address %(address)s."),
        FULL: _("The mailbox %(address)s is full."),
        DISABLED: _("The mailbox %(address)s does not take mail now."),
        TOO_BIG: _("The message is too big for %(address)s."),
        REFUSED_CONTENT: _("The server of %(domain)s could not handle this message."),
        POLICY: _("The server of %(domain)s refused this message by its own rules."),
        REFUSED: _("The server of %(domain)s refused this message."),
        NO_UTF8: _("The server of %(domain)s cannot handle the letters in %(address)s."),
        WAIT: _("The server of %(domain)s asks us to wait."),
        BUSY: _("The server of %(domain)s is busy."),
        TROUBLE: _("Something went wrong on our side."),
        NO_ENTRY: _("Your own server for this address does not take its password; see Settings, Accounts."),
        DNS: _("We could not find out where mail for %(domain)s goes."),
        UNREACHABLE: _("The server of %(domain)s cannot be reached."),
        LOST: _("The connection to the server of %(domain)s broke."),
        SLOW: _("The server of %(domain)s did not answer in time."),
        TLS: _("No secure connection to the server of %(domain)s could be made."),
        LOOP: _("Mail for %(domain)s is sent in a circle."),
        PRIVATE: _("The server of %(domain)s has an address in a private network."),
        LOCAL_TROUBLE: _("The message could not be stored yet."),
        NOT_ALLOWED: _("When its time came, this address was not allowed to send mail."),
        GONE_LOCAL: _("There is no mailbox %(address)s here."),
    }
    sentence = sentences.get(reason)
    if sentence is None:
        sentence = {
            "held": _("Waiting to be sent."),
            "delivering": _("Being sent."),
            "cancelled": _("Taken back."),
        }.get(state, _("Waiting to be sent."))
    return sentence % {"address": address, "domain": domain}
