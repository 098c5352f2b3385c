"""What a name after EHLO says about its client: evidence, and whether it cannot be true at all. Pure.

RFC 5321 §4.1.4 forbids to refuse mail for a name that does not fit its address; a name that claims to be ours, or this
machine, is another matter. Called by `serve.manners`.
"""

from __future__ import annotations

import re

from mta.serve.peers import Address, parsed
from mta.trust.verdict import Evidence

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "localhost6", "localhost6.localdomain6"})


def judge_hello(name: str, *, ip: str, our_name: str, our_ip: str) -> tuple[Evidence, bool]:
    """What a name after EHLO says about its client, and whether it cannot be true at all. Pure."""
    said = name.lower().rstrip(".")
    literal = _literal(said)
    peer = parsed(ip)
    if peer is not None and (peer.is_loopback or peer == parsed(our_ip)):  # it is here, whatever it says
        return Evidence("helo", "pass", "", said[:255]), False
    if said == our_name:
        return _against("impossible", "The sending server claims to be this server.", name, 4.0), True
    if said in _LOCAL_NAMES or (literal is not None and literal.is_loopback):
        return _against("impossible", "The sending server claims to be on this machine.", name, 4.0), True
    if literal is not None:
        if literal == parsed(our_ip):
            return _against("impossible", "The sending server claims to have our address.", name, 4.0), True
        if literal != parsed(ip):
            return _against(
                "fail", "The sending server names an address that is not its own.", name, 1.5
            ), False
        if not said.startswith("["):  # RFC 5321 §4.1.3: an address stands in brackets
            return _against(
                "neutral", "The sending server names itself with a bare number.", name, 1.0
            ), False
        return _against("neutral", "The sending server has no name, only an address.", name, 0.5), False
    labels = said.split(".")
    if not all(_is_label(label) for label in labels):
        return _against("fail", "The sending server's name is not a host name.", name, 1.0), False
    if len(labels) == 1:  # RFC 5321 §2.3.5: only fully-qualified names
        return _against("fail", "The sending server's name is not a full one.", name, 1.0), False
    return Evidence("helo", "pass", "", said[:255]), False


def _against(result: str, reason: str, name: str, score: float) -> Evidence:
    return Evidence("helo", result, reason, name[:255], score)


def _is_label(label: str) -> bool:
    if label.isascii():
        return _LABEL.fullmatch(label) is not None
    return len(label) <= 63 and all(letter.isalnum() or letter == "-" for letter in label)


def _literal(said: str) -> Address | None:
    """RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`; and the number alone, as some say it."""
    return parsed(said.removeprefix("[").removesuffix("]").removeprefix("ipv6:"))
