"""The limits that an administrator may set, `LIMIT_*` in the environment: their meaning, default and bounds.

Pure; the standard library only. `webmail.settings` reads them once (`read`), `serve.manners` obeys. A value that
makes no sense stops the start with a sentence. 0 or `off` takes a limit away where that is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from mta.limits.rates import BadLimit, Rate

_MINUTE, _TEN_MINUTES = 60.0, 600.0
_CONNECTIONS, _CONNECTIONS_NETWORK = Rate(300, _MINUTE), Rate(1_000, _MINUTE)
_RECIPIENTS = Rate(1_000, _MINUTE)
_UNKNOWN, _UNKNOWN_NETWORK = Rate(50, _TEN_MINUTES), Rate(200, _TEN_MINUTES)


@dataclass(frozen=True, slots=True)
class Policy:
    """One field per setting: `connections_per_address` is LIMIT_CONNECTIONS_PER_ADDRESS, and so on.

    A *network* is an IPv4 /24 or an IPv6 /48; an *address* is an IPv4 address or an IPv6 /64, which is what one
    customer of a provider has. Seconds and sizes are per connection or message.
    """

    # Connections, all protocols together
    connections: int = 20_000  # at once, in one process
    connections_per_address: int = 60
    connections_per_network: int = 300
    connection_rate: Rate = _CONNECTIONS
    connection_rate_network: Rate = _CONNECTIONS_NETWORK
    # One SMTP connection
    commands: int = 10_000
    idle_commands: int = 100  # NOOP, RSET, HELO and the like, since a message was accepted
    errors: int = 20
    errors_before_delay: int = 4
    longest_delay: float = 8.0
    recipients: int = 250  # of one message
    unknown: int = 100  # recipients that there are not, since a message was accepted
    # SMTP, over all connections
    recipient_rate: Rate = _RECIPIENTS
    unknown_rate: Rate = _UNKNOWN
    unknown_rate_network: Rate = _UNKNOWN_NETWORK
    # Greeting
    greeting_delay: float = 1.0
    hello: str = "strict"
    # Time
    command_seconds: float = 300.0
    block_seconds: float = 180.0
    data_seconds: float = 3_600.0
    session_seconds: float = 3_600.0
    data_rate: int = 200  # bytes a second
    handshake_seconds: float = 30.0  # TLS, all protocols


_DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Policy)}
_HELLO = ("strict", "score", "off")

# The least and the most that makes sense.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "connections": (1, 1_000_000),
    "connections_per_address": (0, 1_000_000),
    "connections_per_network": (0, 1_000_000),
    "commands": (20, 1_000_000_000),
    "idle_commands": (5, 1_000_000),
    "errors": (1, 10_000),
    "errors_before_delay": (0, 10_000),
    "longest_delay": (0, 60),
    "recipients": (100, 100_000),  # RFC 5321 §4.5.3.1.8: at least 100
    "unknown": (1, 1_000_000),
    "greeting_delay": (0, 60),
    "command_seconds": (5, 3_600),
    "block_seconds": (5, 3_600),
    "data_seconds": (60, 86_400),
    "session_seconds": (60, 86_400),
    "data_rate": (0, 1_000_000),
    "handshake_seconds": (1, 300),
}


def read(get: Callable[[str], str]) -> Policy:
    """The policy of an environment: `get("LIMIT_ERRORS")` gives its text, empty for the default."""
    given: dict[str, Any] = {}
    for each in fields(Policy):
        name = f"LIMIT_{each.name.upper()}"
        text = get(name).strip()
        if text:
            given[each.name] = _value(each.name, text, name)
    return Policy(**given)


def _value(field: str, text: str, name: str) -> Rate | int | float | str:
    default = _DEFAULTS[field]
    if isinstance(default, Rate):
        return Rate.parse(text, name=name)
    if isinstance(default, str):
        if text.lower() not in _HELLO:
            raise BadLimit(f"{name}: {text!r} is none of {', '.join(_HELLO)}")
        return text.lower()
    least, most = _BOUNDS[field]
    kind = type(default)
    try:
        value = kind("0" if text.lower() == "off" else text)
    except ValueError:
        raise BadLimit(f"{name}: {text!r} is not a number from {least:g} to {most:g}") from None
    if not least <= value <= most:  # also what is not a number at all (nan)
        raise BadLimit(f"{name}: {text} is not between {least:g} and {most:g}")
    return value
