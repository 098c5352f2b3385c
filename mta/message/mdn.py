"""The machine's part of a receipt: message/disposition-notification (RFC 8098 §3.1.1). Pure.

Called by the web client; `build` puts it into a multipart/report.
"""

from __future__ import annotations

from mta.message.encode import id_field, structured_field

TYPE = "message/disposition-notification"
PRODUCT = "Mailstead"


def disposition(*, host: str, recipient: str, message_id: str, by_hand: bool) -> bytes:
    """The fields that say a message was displayed. Nothing the sender wrote is in them but its Message-ID."""
    utf8 = not recipient.isascii()
    how = "manual-action/MDN-sent-manually" if by_hand else "manual-action/MDN-sent-automatically"
    fields = [structured_field("Reporting-UA", f"{host}; {PRODUCT}")]
    if utf8:  # RFC 6533 §3: what is no ASCII is written out
        written = "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in recipient)
        fields.append(structured_field("Final-Recipient", f"utf-8;{written}"))
    else:
        fields.append(structured_field("Final-Recipient", f"rfc822;{recipient}"))
    if message_id:
        fields.append(id_field("Original-Message-ID", (message_id,)))
    fields.append(structured_field("Disposition", f"{how}; displayed"))
    return b"".join(fields)
