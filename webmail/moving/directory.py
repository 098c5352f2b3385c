"""The directory of this host with the addresses elsewhere that its people have proven to be theirs.

`settings.DIRECTORY` names it. Called by submission, the web client and the relay, in every process.
"""

from __future__ import annotations

from hosting import directory as hosting_directory
from hosting.sealing import Unsealable
from mta.directory import SmartHost
from mta.message.address import BadAddress, canonical

from . import proven
from .models import OutsideAddress


class Directory(hosting_directory.Directory):
    """Stateless; one per process."""

    def may_send_as(self, account: int, address: str) -> bool:
        return super().may_send_as(account, address) or _proven(account, address) is not None

    def identity_name(self, account: int, address: str) -> str:
        found = super().identity_name(account, address)
        if found:
            return found
        outside = _proven(account, address)
        return outside.name if outside is not None else ""

    def smart_host_for(self, sender: str, mailspace: int | None) -> SmartHost | None:
        wanted = _canonical(sender)
        if not wanted or mailspace is None:
            return None
        row = proven.of_mailspace(mailspace, wanted)
        if row is None:
            return None
        try:
            password = row.password
        except Unsealable:
            password = ""  # the server says what is wrong, and the message waits
        return SmartHost(row.host, row.port, row.username, password, row.tls)


def _proven(account: int, address: str) -> OutsideAddress | None:
    wanted = _canonical(address)
    return proven.one(account, wanted) if wanted else None


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except BadAddress:
        return ""
