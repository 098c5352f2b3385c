"""SRS: an envelope sender of our own for mail that is passed on, and the way back for its bounces.

A forwarded message leaves from a host that its sender's SPF record does not name. So its sender is written into an
address of a domain here, `SRS0=hash=day=their.domain=local@ours`; a bounce to that address comes here and goes on to
them. The hash keeps strangers from using it as a relay, the day ends its use after three weeks. Another host's SRS0
becomes SRS1, which names that host, so that the address does not grow with every hop; what stands there for a hash is
nobody's business but ours, and begins with the day, `SRS1=dayhash=their.host==…`. Pure but for SECRET_KEY. Called
by `mta.flow.sealing`, and at RCPT.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from hashlib import sha256

from django.conf import settings

from mta.message.address import MAX_LOCAL, BadAddress, canonical_domain, quote_local, split

DAYS = 21
_DAY = 86_400_000_000
_ROUND = 1024  # days until the two letters of a day come again
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_HASH = 8  # letters: 40 bits, checked only here and only for three weeks


def forward(sender: str, *, domain: str, at: int) -> str:
    """The sender to pass mail on with, at `domain`; unchanged where that cannot be (the null sender, very long ones)."""
    local, theirs = split(sender)
    if not sender or not theirs or not local or theirs.startswith("["):
        return sender
    if theirs.lower() == domain.lower() and reverse(sender, at=at) is not None:
        return sender  # already ours
    local = _unquoted(local)
    start = local[:5].lower()
    if start in {"srs0=", "srs0+", "srs0-"}:
        # another host's: its own separator is kept, so that it knows its address again
        rest = f"{theirs}={local[4:]}"
        made = _once_more(rest, at)
    elif start in {"srs1=", "srs1+", "srs1-"} and (tail := local[5:].partition("=")[2]) and "=" in tail:
        made = _once_more(tail, at)
    else:
        rest = f"{_stamp(at)}={theirs}={local}"
        made = f"SRS0={_hash('srs0', rest)}={rest}"
    return f"{quote_local(made)}@{domain}" if len(made.encode()) <= MAX_LOCAL else sender


def _once_more(rest: str, at: int) -> str:
    stamp = _stamp(at)
    return f"SRS1={stamp}{_hash('srs1', f'{stamp}={rest}')}={rest}"


def is_srs(address: str) -> bool:
    """Whether it looks like one; only `reverse` says whether it is."""
    return _unquoted(split(address)[0])[:5].lower() in {"srs0=", "srs1="}


def reverse(address: str, *, at: int) -> str | None:
    """Whom mail to one of our SRS addresses is for; None if we did not make it, or too long ago."""
    local = _unquoted(split(address)[0])
    kind = local[:5].lower()
    given, _, rest = local[5:].partition("=")
    if kind not in {"srs0=", "srs1="} or not rest or len(local) > MAX_LOCAL:
        return None
    stamp, signed = rest.partition("=")[0], rest
    if kind == "srs1=":
        stamp, given = given[:2], given[2:]
        signed = f"{stamp}={rest}"
    # Hosts on the way may change capitals to small letters (RFC 5321 §2.4 notwithstanding): the hash does not mind.
    if not hmac.compare_digest(given.lower().encode(), _hash(kind[:4], signed).encode()):
        return None
    if not _is_recent(stamp, at):
        return None
    if kind == "srs1=":
        theirs, _, tail = rest.partition("=")
        return _address(f"SRS0{tail}", theirs) if tail else None
    theirs, _, local = rest.partition("=")[2].partition("=")
    return _address(local, theirs) if local else None


def _address(local: str, domain: str) -> str | None:
    try:
        return f"{quote_local(local)}@{canonical_domain(domain)}"
    except BadAddress:
        return None


def _unquoted(local: str) -> str:
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        return local[1:-1].replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    return local


def _hash(kind: str, rest: str) -> str:
    key = sha256(b"mailstead srs " + settings.SECRET_KEY.encode()).digest()
    made = hmac.new(key, f"{kind} {rest.lower()}".encode(), sha256).digest()
    return b32encode(made).decode().lower()[:_HASH]


def _stamp(at: int) -> str:
    day = at // _DAY % _ROUND
    return _LETTERS[day // 32] + _LETTERS[day % 32]


def _is_recent(stamp: str, at: int) -> bool:
    places = [_LETTERS.find(letter) for letter in stamp.lower()]
    if len(places) != 2 or min(places) < 0:
        return False
    age = (at // _DAY - (places[0] * 32 + places[1])) % _ROUND
    return age <= DAYS
