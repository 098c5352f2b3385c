"""The DNS records a domain needs for its mail, and the zone file that holds them. Pure but for `for_domain`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from hosting import host
from hosting.models import Domain, DomainKey

MX, SPF, DKIM_RSA, DKIM_ED25519, DMARC = "mx", "spf", "dkim-rsa", "dkim-ed25519", "dmarc"
TTL = 3600
_MOST_IN_STRING = 255  # octets of one character-string, RFC 1035 §3.3


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish. `name` and an MX `value` are absolute, without the final dot."""

    key: str
    type: str
    name: str
    value: str
    title: str
    why: str
    preference: int | None = None

    @property
    def shown(self) -> str:
        """The value as most providers' forms take it."""
        return f"{self.preference} {self.value}" if self.preference is not None else self.value


@dataclass(frozen=True, slots=True)
class Key:
    """The public half of a signing key."""

    selector: str
    algorithm: str
    record: str


def for_domain(domain: Domain) -> tuple[Record, ...]:
    rows = domain.keys.filter(state=DomainKey.ACTIVE).order_by("-algorithm", "id")
    keys = [Key(*row) for row in rows.values_list("selector", "algorithm", "record")]
    return records(domain.name, hostname=host.name(), keys=keys)


def records(domain: str, *, hostname: str, keys: Iterable[Key]) -> tuple[Record, ...]:
    return (
        Record(MX, "MX", domain, hostname, _("Incoming mail"), _("Brings mail to this host."), 10),
        Record(
            SPF,
            "TXT",
            domain,
            f"v=spf1 mx a:{hostname} ~all",
            _("Allowed senders (SPF)"),
            _("Says that this host may send mail of the domain."),
        ),
        *(_dkim(domain, key) for key in keys),
        Record(
            DMARC,
            "TXT",
            f"_dmarc.{domain}",
            f"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}",
            _("Policy (DMARC)"),
            _("Tells others what to do with forged mail, and where to report it."),
        ),
    )


def _dkim(domain: str, key: Key) -> Record:
    rsa = key.algorithm == DomainKey.RSA
    return Record(
        DKIM_RSA if rsa else DKIM_ED25519,
        "TXT",
        f"{key.selector}._domainkey.{domain}",
        key.record,
        _("Signature (DKIM, RSA)") if rsa else _("Signature (DKIM, Ed25519)"),
        _("Lets others check that mail is yours and unchanged.")
        if rsa
        else _("The same with a newer, shorter key."),
    )


def zone_file(wanted: Iterable[Record]) -> str:
    """RFC 1035 §5 master file lines, to import or paste."""
    return "".join(f"{record.name}. {TTL} IN {record.type} {_data(record)}\n" for record in wanted)


def _data(record: Record) -> str:
    if record.type == "MX":
        return f"{record.preference} {record.value}."
    text = record.value.replace("\\", "\\\\").replace('"', '\\"')
    pieces = [text[at : at + _MOST_IN_STRING] for at in range(0, len(text), _MOST_IN_STRING)] or [""]
    return " ".join(f'"{piece}"' for piece in pieces)
