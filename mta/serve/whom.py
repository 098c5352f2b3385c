"""Whom an address means, asked of the directory: blocking, for the bridge. Called by `serve.smtp` at RCPT."""

from __future__ import annotations

from django.conf import settings

from mta import directory
from mta.directory import LocalTarget, Resolution
from mta.flow import sealing
from mta.mailstore import service as mailstore
from mta.values import now_us


def look_up(address: str, size: int, *, mail_from: str) -> tuple[Resolution, bool]:
    """Whom an address means, and whether none of them has room for so many bytes."""
    resolution = sealing.back(address, mail_from=mail_from, at=now_us()) or _resolve(address)
    local = [target.mailspace for target in resolution.targets if isinstance(target, LocalTarget)]
    is_full = len(local) == len(resolution.targets) > 0 and all(
        mailstore.would_exceed(mailspace, size) for mailspace in local
    )
    return resolution, is_full


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
