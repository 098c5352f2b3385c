"""Trace lines: what this host adds in front of a message (RFC 5321 §4.4). Pure; never reads a clock.

Called by `mta.flow.receive`. What strangers say about themselves stands in these lines without anything that could
end a line, a comment or a clause.
"""

import re

from mta.message.encode import date_text_us
from mta.message.headers import parse_header, split_message

_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]+")
_WORD = re.compile(r"[^A-Za-z0-9._:/=+ -]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_OUTSIDE_QUOTES = re.compile(r"[\s<>()]+")
MAX_HEADER = 1 << 20


def _host(text: str) -> str:
    return _HOST.sub("", text)[:255] or "unknown"


def received(
    from_helo: str,
    ip: str,
    rdns: str | None,
    by: str,
    protocol: str,
    tls: str | None,
    id: str,
    for_: str | None,
    when_us: int,
) -> bytes:
    """One Received field. `tls` is its words ("TLSv1.3 TLS_AES_256_GCM_SHA384"); `rdns` is None when unknown."""
    literal = f"[IPv6:{_host(ip)}]" if ":" in ip else f"[{_host(ip)}]"
    lines = [
        f"Received: from {_host(from_helo)} ({_host(rdns or '')} {literal})",
        f"by {_host(by)} with {_WORD.sub('', protocol)} id {_WORD.sub('', id)}",
    ]
    if tls:
        lines.append(f"({_WORD.sub('', tls)[:200]})")
    if for_:
        # RFC 5321 §7.6: only for a single recipient, or the others would be told of it
        lines.append(f"for <{_path(for_)}>")
    lines[-1] += ";"
    lines.append(date_text_us(when_us))
    return "\r\n\t".join(lines).encode("utf-8") + b"\r\n"


def _path(address: str) -> str:
    address = _CONTROLS.sub("", address)[:320]
    return address if address.startswith('"') else _OUTSIDE_QUOTES.sub("", address)


def return_path(sender: str) -> bytes:
    """RFC 5321 §4.4: the envelope sender; "" is the null sender."""
    return f"Return-Path: <{_path(sender)}>\r\n".encode()


def delivered_to(addr: str) -> bytes:
    """Which address here the message was for; a second one of the same address is a loop."""
    return f"Delivered-To: {_path(addr)}\r\n".encode()


def count_received(raw: bytes) -> int:
    """How many hosts the message passed (RFC 5321 §6.3: over 100 is a loop)."""
    header_end, _ = split_message(raw[:MAX_HEADER])
    return sum(field.name == "received" for field in parse_header(raw[:header_end]))
