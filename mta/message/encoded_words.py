"""RFC 2047 encoded words, both ways.

Decoding is tolerant and linear; what it returns may hold controls, which the caller removes. Encoding gives
ASCII words of at most 75 characters that never split a character.
"""

import binascii
import re

from mta.message.charsets import decode_charset

ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*+)\?=")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded; white space between two of them is no part of the text (§6.2)."""
    if "=?" not in text:
        return text
    out: list[str] = []
    charset, data = "", bytearray()  # a run of neighbours: senders split characters between words
    end = 0
    for match in ENCODED_WORD.finditer(text):
        gap = text[end : match.start()]
        if data and (gap.strip() or match[1].lower() != charset):
            out.append(decode_charset(bytes(data), charset))
            data.clear()
        if gap.strip() or end == 0:
            out.append(gap)
        charset = match[1].lower()
        data += _word_bytes(match[2], match[3])
        end = match.end()
    if end == 0:
        return text
    out.append(decode_charset(bytes(data), charset))
    out.append(text[end:])
    return "".join(out)


def _word_bytes(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return _Q_ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw.replace(b"_", b" "))
    return lenient_base64(raw)


def lenient_base64(data: bytes) -> bytes:
    """What can be decoded, whatever the padding and whatever stands between."""
    data = data.translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        pass
    out = []
    for run in data.split(b"="):  # padding in the middle: two encoded pieces put together
        run = _NOT_BASE64.sub(b"", run)
        spare = len(run) % 4
        if spare == 1:
            run, spare = run[:-1], 0
        if run:
            out.append(binascii.a2b_base64(run + b"=" * (-spare % 4)))
    return b"".join(out)


def encode_words(text: str) -> list[str]:
    """`text` as encoded words in UTF-8; put them apart with a space or a fold."""
    data = text.encode("utf-8", "replace")
    escaped = sum(byte not in _Q_PLAIN and byte != 32 for byte in data)
    quoted = escaped * 2 < len(data) // 3  # base64 grows by a third, Q by two bytes for each escape
    room = 63 if quoted else 45  # 75 - len("=?utf-8?q??="); 45 bytes are 60 characters of base64
    words: list[str] = []
    current, used = bytearray(), 0
    for char in text:
        encoded = char.encode("utf-8", "replace")
        cost = len(encoded)
        if quoted:
            cost = sum(1 if byte in _Q_PLAIN or byte == 32 else 3 for byte in encoded)
        if used + cost > room:
            words.append(_one_word(bytes(current), quoted))
            current.clear()
            used = 0
        current += encoded
        used += cost
    if current:
        words.append(_one_word(bytes(current), quoted))
    return words


def _one_word(data: bytes, quoted: bool) -> str:
    if not quoted:
        return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="
    content = "".join(
        chr(byte) if byte in _Q_PLAIN else "_" if byte == 32 else f"={byte:02X}" for byte in data
    )
    return f"=?utf-8?q?{content}?="
