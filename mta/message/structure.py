"""ENVELOPE, BODY and BODYSTRUCTURE in the form in which IMAP sends them (RFC 3501 §7.4.2).

Computed once at delivery and stored. The result is always one line of parenthesised quoted strings, numbers and
NIL: no literals, no 8-bit, so that it can be put into a FETCH response as it stands.
"""

import re
from collections.abc import Iterable

from mta.message.address import Address, Group, scan_addresses
from mta.message.encoded_words import encode_words
from mta.message.headers import Field, decode_text, first, raw_params, unfold
from mta.message.tree import Part

MAX_ADDRESSES = 500
MAX_STRING = 4096
MAX_WIRE = 1 << 20  # beyond this, BODYSTRUCTURE leaves out what is only description

_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*+")
_CONTROLS = re.compile(rb"[\x00-\x1f\x7f]+")


def quoted(text: bytes) -> bytes:
    """A quoted string of printable ASCII (RFC 3501 §4.3); controls become a space."""
    if not _PLAIN.fullmatch(text):
        text = _CONTROLS.sub(b" ", text).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + text + b'"'


def _header_string(value: bytes | None) -> bytes:
    """A field's text as it was sent; raw 8-bit text becomes encoded words, which every client can read."""
    if value is None:
        return b"NIL"
    text = unfold(value[: 4 * MAX_STRING])
    if not text.isascii():
        return _text_string(decode_text(text))
    return quoted(text[:MAX_STRING])


def _text_string(text: str) -> bytes:
    if text.isascii() and "=?" not in text:
        return quoted(text[:MAX_STRING].encode("ascii"))
    return quoted(" ".join(encode_words(text[: MAX_STRING // 4])).encode("ascii"))


def _ascii_string(text: str) -> bytes:
    """A parameter's or an address's text: ASCII as it is, else as encoded words."""
    if text.isascii():
        return quoted(text[:MAX_STRING].encode("ascii"))
    return _text_string(text)


# --- ENVELOPE -------------------------------------------------------------------------------------------


def envelope(fields: Iterable[Field]) -> bytes:
    """(date subject from sender reply-to to cc bcc in-reply-to message-id)"""
    values: dict[str, bytes] = {}
    for field in fields:
        values.setdefault(field.name, field.value)
    from_ = _addresses(values.get("from"))
    sender = _addresses(values.get("sender"))
    reply_to = _addresses(values.get("reply-to"))
    parts = (
        _header_string(values.get("date")),
        _header_string(values.get("subject")),
        from_,
        from_ if sender == b"NIL" else sender,  # RFC 3501 §7.4.2: absent or empty means the same as From
        from_ if reply_to == b"NIL" else reply_to,
        _addresses(values.get("to")),
        _addresses(values.get("cc")),
        _addresses(values.get("bcc")),
        _header_string(values.get("in-reply-to")),
        _header_string(values.get("message-id")),
    )
    return b"(" + b" ".join(parts) + b")"


def _addresses(value: bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    found = scan_addresses(value, MAX_ADDRESSES)
    if not found:
        return b"NIL"
    return b"(" + b"".join(_address(each) for each in _with_groups_closed(found)) + b")"


def _with_groups_closed(found: list[Address | Group]) -> list[Address | Group]:
    """The limit may have cut a group off before its end."""
    is_open = False
    for each in found:
        if isinstance(each, Group):
            is_open = each.name is not None
    return [*found, Group(None)] if is_open else found


def _address(each: Address | Group) -> bytes:
    if isinstance(each, Group):
        if each.name is None:
            return b"(NIL NIL NIL NIL)"
        return b"(NIL NIL " + _ascii_string(each.name or " ") + b" NIL)"
    name = _text_string(each.name) if each.name else b"NIL"
    # A NIL host would mean a group (RFC 3501 §7.4.2), so an address without a domain has an empty one.
    return b"(" + name + b" NIL " + _ascii_string(each.local) + b" " + _ascii_string(each.domain) + b")"


# --- BODYSTRUCTURE --------------------------------------------------------------------------------------


def bodystructure(raw: bytes, tree: Part, extended: bool = True) -> bytes:
    """BODYSTRUCTURE, or BODY when not `extended`."""
    wire = _body(tree, extended, False)
    return wire if len(wire) <= MAX_WIRE else _body(tree, extended, True)


def _body(part: Part, extended: bool, brief: bool) -> bytes:
    if part.children:
        children = b"".join(_body(child, extended, brief) for child in part.children)
        wire = b"(" + children + b" " + _ascii_string(part.subtype.upper())
        if extended:
            params = _params(first(part.fields, "content-type"), brief)
            wire += b" " + params + b" " + _disposition(part, brief) + b" " + _tail(part, brief)
        return wire + b")"
    maintype, subtype = part.maintype, part.subtype
    if part.message is None and (maintype, subtype) == ("message", "rfc822"):
        maintype, subtype = "application", "octet-stream"  # the grammar would want an envelope
    pieces = [_ascii_string(maintype.upper()), _ascii_string(subtype.upper()), *_basic(part, brief)]
    if part.message is not None:
        pieces.append(envelope(()) if brief else envelope(part.message.fields))
        pieces.append(_body(part.message, extended, brief))
    if part.message is not None or maintype == "text":
        pieces.append(b"%d" % part.lines)
    if extended:
        md5 = b"NIL" if brief else _header_string(first(part.fields, "content-md5"))
        pieces += [md5, _disposition(part, brief), _tail(part, brief)]
    return b"(" + b" ".join(pieces) + b")"


def _basic(part: Part, brief: bool) -> tuple[bytes, ...]:
    """params, id, description, encoding, octets"""
    value = first(part.fields, "content-type")
    if value is None and part.content_type == "text/plain":
        params = b'("CHARSET" "US-ASCII")'  # RFC 2045 §5.2
    else:
        params = _params(value, brief)
    return (
        params,
        b"NIL" if brief else _header_string(first(part.fields, "content-id")),
        b"NIL" if brief else _header_string(first(part.fields, "content-description")),
        _ascii_string((part.encoding or "7bit").upper()[:60]),
        b"%d" % part.octets,
    )


def _params(value: bytes | None, brief: bool) -> bytes:
    """As they were sent, RFC 2231's names and percent signs included: clients decode them."""
    if value is None or brief:
        return b"NIL"
    return _pairs(raw_params(value)[1])


def _pairs(written: list[tuple[str, str]]) -> bytes:
    if not written:
        return b"NIL"
    pairs = (_ascii_string(name.upper()) + b" " + _ascii_string(text) for name, text in written)
    return b"(" + b" ".join(pairs) + b")"


def _disposition(part: Part, brief: bool) -> bytes:
    value = first(part.fields, "content-disposition")
    if value is None or not part.disposition:
        return b"NIL"
    main, written = raw_params(value)
    return b"(" + _ascii_string(main.upper()[:100]) + b" " + (b"NIL" if brief else _pairs(written)) + b")"


def _tail(part: Part, brief: bool) -> bytes:
    """language and location"""
    if brief:
        return b"NIL NIL"
    language = first(part.fields, "content-language")
    location = _header_string(first(part.fields, "content-location"))
    if language is None:
        return b"NIL " + location
    tags = [tag.strip() for tag in decode_text(language).split(",") if tag.strip()][:20]
    if not tags:
        return b"NIL " + location
    return b"(" + b" ".join(_ascii_string(tag) for tag in tags) + b") " + location
