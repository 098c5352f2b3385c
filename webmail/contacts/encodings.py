"""The text of a file that somebody brings: what programs write is UTF-8 or UTF-16 with a mark, or an old code page."""

from __future__ import annotations

import codecs


def decoded(data: bytes) -> str:
    """By the byte order mark, else UTF-8 if it is that, else Windows-1252, which takes what is left as best it can."""
    if data.startswith(codecs.BOM_UTF8):
        return data[3:].decode("utf-8", "replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
