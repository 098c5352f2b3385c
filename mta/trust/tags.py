"""Tag lists, `v=DKIM1; k=rsa; p=…`: the form of signatures, keys and policies (RFC 6376 §3.2). Pure.

Called by the checks of DKIM, ARC and DMARC. Whatever text is given, it is read in linear time or refused.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

LONGEST = 64 * 1024
MOST = 100

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_SPACES = re.compile(r"[ \t\r\n]+")


class BadTags(ValueError):
    """Not a tag list; the text says why."""


def parse(text: str, *, strict: bool = True, gaps: bool = False) -> dict[str, str]:
    """Tag names to values, in their order, spaces at both ends of a value removed. Raises BadTags.

    A name that stands there twice makes the whole list invalid (RFC 6376 §3.2), and so does nothing at all between two
    semicolons, unless `gaps` may be: in the DNS people write by hand. Not `strict` (DMARC, RFC 9989 §4.7): a part that
    is no tag is passed over, and of a name that stands there twice the first counts.
    """
    if len(text) > LONGEST:
        raise BadTags("it is too long")
    parts = text.split(";")
    if len(parts) > MOST:
        raise BadTags("it has too many tags")
    found: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        name, sign, value = part.partition("=")
        name = name.strip(" \t\r\n")
        if not sign and not name and (gaps or number == len(parts)):
            continue  # what stands behind the last semicolon
        if not sign or not _NAME.fullmatch(name):
            if strict:
                raise BadTags("it cannot be read")
            continue
        if name in found:
            if strict:
                raise BadTags(f"{name}= stands there twice")
            continue
        found[name] = value.strip(" \t\r\n")
    return found


def without_spaces(value: str) -> str:
    """What may be folded anywhere: base64, lists of names."""
    return _SPACES.sub("", value)


def base64_bytes(value: str) -> bytes:
    """Raises BadTags."""
    try:
        return b64decode(without_spaces(value), validate=True)
    except (Error, ValueError) as error:
        raise BadTags("it is not base64") from error
