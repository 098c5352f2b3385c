"""A directory that answers from mappings, for tests of `mta` without `hosting`.

    FakeDirectory({"ann@a.test": 1, "team@a.test": ["ann@a.test", "out@b.test"], "shut@a.test": None})

A number is a mailspace, a list what an alias leads to, None an address that takes no mail now, a ListInfo a
distribution list (whose members' addresses for bounces and leaving are known, too). Account 1 may send as every
address here; the others as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mta.directory import (
    BOUNCE,
    LEAVE,
    Access,
    InboundPolicy,
    ListInfo,
    ListTarget,
    LocalTarget,
    Login,
    RemoteTarget,
    Resolution,
    SigningKey,
    SmartHost,
    Target,
)
from mta.message.address import canonical

Entries = Mapping[str, int | Sequence[str] | ListInfo | None]


class FakeDirectory:
    def __init__(self, entries: Entries, *, keys: Sequence[SigningKey] = ()) -> None:
        self.entries = dict(entries)
        self.keys = list(keys)
        self.names: dict[int, str] = {}
        self.policies: dict[str, InboundPolicy] = {}
        self.bounced: list[tuple[int, int]] = []  # (list, member)
        self.pauses: dict[int, str] = {}  # members who are paused by their next bounce, and their addresses
        self.left: list[tuple[int, int]] = []
        self.masks: dict[str, int] = {}  # masked addresses among the entries
        self.used: list[int] = []

    def resolve(self, address: str) -> Resolution:
        wanted = canonical(address)
        if not self.is_local_domain(wanted.rpartition("@")[2]):
            return Resolution("elsewhere")
        if wanted not in self.entries:
            return self._of_a_list(wanted)
        entry = self.entries[wanted]
        if entry is None:
            return Resolution("suspended")
        if isinstance(entry, int):
            return Resolution("ours", (LocalTarget(entry, address, self.masks.get(wanted, 0)),))
        if isinstance(entry, ListInfo):
            return Resolution("ours", (ListTarget(entry.id, address),))
        targets: dict[Target, None] = {}
        for each in entry:
            there = self.resolve(each)
            found = there.targets if there.kind == "ours" else (RemoteTarget(each),)
            targets.update(dict.fromkeys(found))
        return Resolution("ours", tuple(targets))

    def _of_a_list(self, wanted: str) -> Resolution:
        for entry in self.entries.values():
            for member in entry.members if isinstance(entry, ListInfo) else ():
                for duty, address in ((BOUNCE, member.bounces_to), (LEAVE, member.leave_to)):
                    if address and canonical(address) == wanted:
                        return Resolution("ours", (ListTarget(entry.id, address, duty, member.id),))
        return Resolution("unknown")

    def is_local_domain(self, domain: str) -> bool:
        return any(address.endswith("@" + domain.lower()) for address in self.entries)

    def sign_in(self, username: str, password: str, *, protocol: str, peer: str) -> Login | None:
        mailspace = self.entries.get(username)
        if password != "right" or not isinstance(mailspace, int):
            return None
        return Login(1, username, (Access(mailspace, username, "own"),))

    def may_send_as(self, account: int, address: str) -> bool:
        return account == 1 and address.lower() in self.entries

    def may_send(self, mailspace: int, address: str) -> bool:
        return self.may_send_as(1, address) and self.entries.get(self.owner(mailspace)) == mailspace

    def identity_name(self, account: int, address: str) -> str:
        return ""

    def smart_host_for(self, sender: str, mailspace: int | None) -> SmartHost | None:
        return None

    def sender_name(self, mailspace: int, address: str) -> str:
        return self.names.get(mailspace, "")

    def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        return tuple(key for key in self.keys if key.domain == domain)

    def inbound_policy(self, domain: str) -> InboundPolicy:
        return self.policies.get(domain, InboundPolicy())

    def owner(self, mailspace: int) -> str:
        return next((address for address, entry in self.entries.items() if entry == mailspace), "")

    def mailing_list(self, list_id: int) -> ListInfo | None:
        found = (entry for entry in self.entries.values() if isinstance(entry, ListInfo))
        return next((entry for entry in found if entry.id == list_id), None)

    def list_bounced(self, list_id: int, member: int, *, said: str) -> str:
        self.bounced.append((list_id, member))
        return self.pauses.get(member, "")

    def list_left(self, list_id: int, member: int) -> None:
        self.left.append((list_id, member))

    def mask_used(self, mask: int, *, at: int) -> None:
        self.used.append(mask)
