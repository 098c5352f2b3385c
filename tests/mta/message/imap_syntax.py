"""A strict reader of what ENVELOPE and BODYSTRUCTURE may be (RFC 3501 §9): raises on anything else.

Independent of the code it checks. Strings come back as bytes, NIL as None, lists as tuples.
"""

import re
from typing import Any

_STRING = re.compile(rb'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*+)"')
_NUMBER = re.compile(rb"\d+")


def read(wire: bytes) -> Any:
    value, end = _value(wire, 0)
    assert end == len(wire), wire[end : end + 40]
    return value


def _value(wire: bytes, at: int) -> tuple[Any, int]:
    if wire.startswith(b"NIL", at):
        return None, at + 3
    if wire.startswith(b"(", at):
        return _list(wire, at + 1)
    number = _NUMBER.match(wire, at)
    if number:
        return int(number[0]), number.end()
    string = _STRING.match(wire, at)
    assert string, wire[at : at + 40]
    return re.sub(rb"\\(.)", rb"\1", string[1]), string.end()


def _list(wire: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    values = []
    while True:
        value, at = _value(wire, at)
        values.append(value)
        if wire.startswith(b")", at):
            return tuple(values), at + 1
        if not (isinstance(value, tuple) and wire.startswith(b"(", at)):  # lists stand side by side
            assert wire.startswith(b" ", at), wire[at : at + 40]
            at += 1


def check_envelope(wire: bytes) -> tuple[Any, ...]:
    value = read(wire)
    assert len(value) == 10
    for index in (0, 1, 8, 9):
        assert value[index] is None or isinstance(value[index], bytes)
    for people in value[2:8]:
        assert people is None or people
        open_groups = 0
        for person in people or ():
            assert len(person) == 4
            assert all(each is None or isinstance(each, bytes) for each in person)
            assert person[3] is not None or person[1] is None
            if person[3] is None:
                open_groups += 1 if person[2] is not None else -1
            assert open_groups in (0, 1)
        assert open_groups == 0
    return value


def check_body(wire: bytes, *, extended: bool) -> Any:
    value = read(wire)
    _check_part(value, extended=extended)
    return value


def _check_part(value: Any, *, extended: bool) -> None:
    if isinstance(value[0], tuple):
        count = next(index for index, each in enumerate(value) if not isinstance(each, tuple))
        for child in value[:count]:
            _check_part(child, extended=extended)
        assert isinstance(value[count], bytes) and value[count]
        assert len(value) == count + (5 if extended else 1)
        if extended:
            _check_params(value[count + 1])
            _check_disposition(value[count + 2])
        return
    kind, subtype, params, id_, description, encoding, octets, *rest = value
    assert kind and subtype and isinstance(encoding, bytes) and isinstance(octets, int)
    assert all(each is None or isinstance(each, bytes) for each in (id_, description))
    _check_params(params)
    if (kind, subtype) == (b"MESSAGE", b"RFC822"):
        envelope, body, lines, *rest = rest
        assert len(envelope) == 10 and isinstance(lines, int)
        _check_part(body, extended=extended)
    elif kind == b"TEXT":
        lines, *rest = rest
        assert isinstance(lines, int)
    assert len(rest) == (4 if extended else 0)
    if extended:
        _check_disposition(rest[1])


def _check_params(value: Any) -> None:
    assert value is None or (value and len(value) % 2 == 0 and all(isinstance(each, bytes) for each in value))


def _check_disposition(value: Any) -> None:
    if value is not None:
        assert len(value) == 2 and isinstance(value[0], bytes)
        _check_params(value[1])
