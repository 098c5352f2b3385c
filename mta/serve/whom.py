"""Whom an address means, asked of the directory: blocking, for the bridge. Called by `serve.smtp` at RCPT.

A bounce to a sender of ours (SRS) leaves again for whom we passed mail on from. Whoever has seen such an address can
use it, until its three weeks are over: so one person gets only so many in an hour, from all hosts together.
"""

from __future__ import annotations

from django.conf import settings

from mta import directory, metrics
from mta.directory import LocalTarget, RemoteTarget, Resolution
from mta.flow import sealing
from mta.limits import service as limits
from mta.limits.rates import Rate
from mta.mailstore import service as mailstore
from mta.serve import statuses
from mta.serve.envelope import Refusal
from mta.values import now_us

BOUNCES = Rate(60, 3600.0)  # back to one address: a server with more of them tries again later


def look_up(address: str, size: int, *, mail_from: str) -> tuple[Resolution, bool]:
    """Whom an address means, and whether none of them has room for so many bytes. Raises Refusal for too many bounces."""
    back = sealing.back(address, mail_from=mail_from, at=now_us())
    if back is not None:
        _count(back)
    resolution = back or _resolve(address)
    local = [target.mailspace for target in resolution.targets if isinstance(target, LocalTarget)]
    is_full = len(local) == len(resolution.targets) > 0 and all(
        mailstore.would_exceed(mailspace, size) for mailspace in local
    )
    return resolution, is_full


def _count(back: Resolution) -> None:
    for target in back.targets:
        if isinstance(target, RemoteTarget) and not limits.current().hit(
            f"bounces:{target.address.lower()}", rate=BOUNCES
        ):
            metrics.LIMITED.labels("bounces").inc()
            raise Refusal(statuses.TOO_FAST)


def _resolve(address: str) -> Resolution:
    resolution = directory.current().resolve(address)
    host = settings.MAIL_HOSTNAME
    if address != f"postmaster@{host}":
        return resolution
    # RFC 5321 §4.5.1: <Postmaster> alone is this host's; its people are those of the domain it is named in.
    while resolution.kind == "elsewhere" and "." in host:
        host = host.partition(".")[2]
        resolution = directory.current().resolve(f"postmaster@{host}")
    return resolution
