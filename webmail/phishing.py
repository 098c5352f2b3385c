"""Reporting phishing: the message goes to Spam, and a notice with it attached goes to the domain's administrators.

`abuse@` of the reader's own domain reaches them (RFC 2142 §2; hosting/directory.py makes it so without an address of
that name). The notice goes through the same submission as every other mail and leaves no copy in Sent.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext as _

from hosting.access import Sender
from mta.flow import submit
from mta.mailstore.service import ConversationMessage
from mta.message import build
from mta.message.address import Address, split
from mta.message.build import Outgoing, Upload
from mta.values import Cause

MAX_ATTACHED = 10 * 1024 * 1024


def report(
    mailspace: int, account: int, message: ConversationMessage, raw: bytes, *, sender: Sender, cause: Cause
) -> str:
    """Send the notice; the address it went to. Raises what `submit.submit_letter` raises."""
    local, domain = split(sender.address)
    to = f"abuse@{domain}"
    name = sender.name or sender.address
    submit.submit_letter(
        mailspace,
        account,
        Outgoing(
            from_=Address(sender.name, local, domain),
            to=(Address("", "abuse", domain),),
            subject=_("Reported as phishing: %s") % (message.subject[:200] or _("(no subject)")),
            text=_(
                "%(name)s <%(address)s> reports the attached message as phishing.\n\n"
                "It says that it is from %(sender)s. Open it with care: its links and files may do harm.\n"
            )
            % {"name": name, "address": sender.address, "sender": message.from_.email},
            message_id=build.new_message_id(domain),
            date=datetime.now(UTC),
            attachments=(Upload("message.eml", "message/rfc822", raw[:MAX_ATTACHED]),),
            extra_headers=(("Auto-Submitted", "auto-generated"),),
        ),
        cause=cause,
        keep=False,
    )
    return to
