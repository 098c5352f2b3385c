"""Why a message was not taken for sending. Each carries its SMTP reply and a sentence for its writer.

`code`, `enhanced` and `text` are what `serve.statuses` answers with; `str(error)` is what a person reads.
"""

from __future__ import annotations


class Refused(Exception):
    """Nothing was stored or queued."""

    code = 554
    enhanced = "5.0.0"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotYours(Refused):
    """The sender may not send as the address in From."""

    code, enhanced = 553, "5.7.1"


class BadRecipient(Refused):
    """An address that is none, or that nobody here has. `address` is as it was written."""

    code, enhanced = 550, "5.1.1"

    def __init__(self, text: str, *, address: str) -> None:
        super().__init__(text)
        self.address = address


class NoRecipients(Refused):
    code, enhanced = 554, "5.5.1"


class TooManyRecipients(Refused):
    code, enhanced = 452, "4.5.3"


class TooBig(Refused):
    code, enhanced = 552, "5.3.4"


class BadMessage(Refused):
    """The message itself cannot be sent as it is."""

    code, enhanced = 554, "5.6.0"


class AlreadySent(Refused):
    """The draft was sent or discarded, perhaps in another window."""


class MayNotPost(Refused):
    """A distribution list does not take this message, or not from this sender."""

    code, enhanced = 550, "5.7.1"
