"""What the sandbox's DNS says: every outside domain exists, and our own say what people have published.

The published records lie in one JSON file, written as a whole and read again when it changes, so that the
page that publishes and the server that answers need not be one process. `*.invalid` never exists.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.zonefile
from dns.name import root

from mta.sandbox.dns import NO_DATA, NO_NAME, Reply

Records = dict[str, dict[str, list[str]]]

_MOST = 500  # records in all
_TYPES = frozenset({"MX", "TXT", "A", "AAAA", "CNAME", "SRV", "CAA", "TLSA", "NS", "PTR"})


class BadRecords(ValueError):
    """The text is not lines of a zone file; its words are for whoever pasted it."""


class Zone:
    """The published records of one installation's sandbox."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "zone.json"
        self._seen: tuple[int, int] = (0, 0)
        self._records: Records = {}

    def records(self) -> Records:
        """All of them, by name and type, in zone-file text."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._seen:
            self._records, self._seen = json.loads(self._path.read_text()), stamp
        return self._records

    def paste(self, text: str) -> list[tuple[str, str]]:
        """Publish the lines of a zone file; each (name, type) in it replaces what was there. Raises BadRecords."""
        new = read(text)
        with self._changing() as records:
            for name, types in new.items():
                records.setdefault(name, {}).update(types)
            if sum(len(values) for types in records.values() for values in types.values()) > _MOST:
                raise BadRecords("That is more than a sandbox has room for.")
        return [(name, rdtype) for name, types in new.items() for rdtype in types]

    def withdraw(self, name: str, rdtype: str) -> None:
        """Take the records of a name and type away."""
        with self._changing() as records:
            records.get(name, {}).pop(rdtype, None)
            if not records.get(name):
                records.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[Records]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with (self._path.parent / "zone.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            records: Records = json.loads(json.dumps(self.records()))
            yield records
            draft = self._path.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(records, indent=1, sort_keys=True))
            draft.replace(self._path)


def read(text: str) -> Records:
    """Zone-file lines as records; every name absolute, with or without the final dot."""
    found: Records = {}
    for number, line in enumerate(text.splitlines()[:2000], 1):
        if not line.strip() or line.lstrip().startswith((";", "$")):
            continue
        if line[0].isspace():
            raise BadRecords(f"Line {number} has no name: write each record on a line of its own.")
        try:
            (rrset,) = dns.zonefile.read_rrsets(line, rdclass=None, default_ttl=300, origin=root)
        except (dns.exception.DNSException, ValueError) as trouble:
            raise BadRecords(
                f"Line {number} is not a DNS record: {str(trouble).rpartition(': ')[2]}"
            ) from None
        rdtype = dns.rdatatype.to_text(rrset.rdtype)
        if rdtype not in _TYPES:
            raise BadRecords(f"Line {number}: {rdtype} records are not known here.")
        name = rrset.name.to_text(omit_final_dot=True).lower()
        found.setdefault(name, {}).setdefault(rdtype, []).extend(rdata.to_text() for rdata in rrset)
    if not found:
        raise BadRecords("There is no record in this text.")
    return found


def answer(records: Records, name: str, rdtype: str, *, hostname: str, ours: str | None) -> Reply:
    """What the sandbox's DNS says about a name; `ours` is the domain of ours it belongs to, if any. Pure."""
    if name in records:
        return records[name].get(rdtype) or NO_DATA
    if any(other.endswith(f".{name}") for other in records):
        return NO_DATA
    if name.endswith((".in-addr.arpa", ".ip6.arpa")):
        loopback = name in ("1.0.0.127.in-addr.arpa", f"{'1' + '.0' * 31}.ip6.arpa")
        return [f"{hostname}."] if loopback and rdtype == "PTR" else NO_NAME
    if name in (hostname, "localhost"):
        return ["127.0.0.1"] if rdtype == "A" else NO_DATA
    if ours is not None:
        # Nothing is published for it: just as on the internet, nobody finds it.
        return NO_DATA if name == ours else NO_NAME
    if (
        name == "invalid"
        or name.endswith(".invalid")
        or name.startswith("_")
        or "._" in name
        or "." not in name
    ):
        return NO_NAME
    outside = {
        "A": ["127.0.0.1"],
        "MX": [f"10 mx.{name}."],
        "TXT": ['"v=spf1 ip4:127.0.0.1 ip6:::1 -all"'],
    }
    return outside.get(rdtype, NO_DATA)
