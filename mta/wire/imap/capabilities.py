"""What is announced, and when. A name stands here only when transcripts prove its behaviour (docs/protocols.md)."""

from __future__ import annotations

BEFORE_SIGN_IN = (
    "IMAP4rev1",
    "IMAP4rev2",
    "SASL-IR",
    "LITERAL+",
    "ID",
    "ENABLE",
)
SIGNED_IN = (
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "UIDPLUS",
    "UNSELECT",
    "MOVE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "I18NLEVEL=1",
    "PARTIAL",
    "CONDSTORE",
    "QRESYNC",
    "COMPRESS=DEFLATE",
    "UTF8=ACCEPT",
    "BINARY",
    "MULTIAPPEND",
    "PREVIEW",
    "OBJECTID",
    "SAVEDATE",
    "STATUS=SIZE",
    "QUOTA",
    "QUOTA=RES-STORAGE",
)


def before_sign_in(*, offers_tls: bool, plaintext_ok: bool) -> bytes:
    """RFC 3501 §6.1.1, §6.2.1 and §6.2.3: STARTTLS while it can be had, a mechanism only where it is safe."""
    words = list(BEFORE_SIGN_IN)
    if offers_tls:
        words.append("STARTTLS")
    words.append("AUTH=PLAIN" if plaintext_ok else "LOGINDISABLED")
    return " ".join(words).encode()


def signed_in(*, max_message: int) -> bytes:
    """`max_message`: octets an APPEND may bring (RFC 7889)."""
    return " ".join([*SIGNED_IN, f"APPENDLIMIT={max_message}"]).encode()
