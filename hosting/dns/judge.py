"""Expected × observed → a finding: is it right, what is there instead, what to do. Pure.

An observation is a resolver's `Answer`, or None when the DNS could not say: then nothing is called wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from hosting.dns.expected import DKIM_ED25519, DKIM_RSA, DMARC, MX, SPF, Record
from mta.resolver import Answer, Mx

GOOD, WRONG, MISSING, UNKNOWN = "good", "wrong", "missing", "unknown"
Observed = Answer[Mx] | Answer[str] | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One record's state. `observed` is what the DNS holds now, as text; `suggested` what to publish
    instead of the expected value when something of the owner's is worth keeping.
    """

    key: str
    title: str
    state: str
    said: str
    todo: str = ""
    observed: tuple[str, ...] = ()
    suggested: str = ""


def judge(record: Record, observed: Observed, *, our_addresses: Sequence[str] = ()) -> Finding:
    """One finding for one expected record."""
    if observed is None:
        return Finding(
            record.key,
            record.title,
            UNKNOWN,
            _("The DNS did not answer. This is looked at again in a moment."),
        )
    values = tuple(observed.values)
    if record.key == MX:
        return _mx(record, tuple(value for value in values if isinstance(value, Mx)))
    texts = tuple(str(value) for value in values)
    if record.key == SPF:
        return _spf(record, texts, our_addresses)
    if record.key in (DKIM_RSA, DKIM_ED25519):
        return _dkim(record, texts)
    if record.key == DMARC:
        return _dmarc(record, texts)
    raise ValueError(record.key)


def _missing(record: Record) -> Finding:
    return Finding(
        record.key,
        record.title,
        MISSING,
        _("Not there yet."),
        _("Publish this record where the domain’s DNS is kept. New records are often seen within minutes."),
    )


def _mx(record: Record, found: tuple[Mx, ...]) -> Finding:
    if not found:
        return _missing(record)
    shown = tuple(f"{each.preference} {each.host or '.'}" for each in found)
    best = min(each.preference for each in found)
    first = {each.host for each in found if each.preference == best}
    if first == {record.value}:
        if len(found) == 1:
            said = _("Mail comes to this host.")
        else:
            said = _("Mail comes to this host; others stand in when it is away.")
        return Finding(record.key, record.title, GOOD, said, observed=shown)
    if first == {""}:
        said = _("The domain says that it takes no mail at all.")
    elif record.value in {each.host for each in found}:
        said = _("Mail goes to %s first.") % ", ".join(sorted(first - {record.value}))
    else:
        said = _("Mail goes to %s instead.") % ", ".join(sorted(first))
    todo = _("Replace the MX records by this one when you are ready to receive mail here.")
    return Finding(record.key, record.title, WRONG, said, todo, observed=shown)


def _spf(record: Record, texts: tuple[str, ...], ours: Sequence[str]) -> Finding:
    found = tuple(t for t in texts if t.lower().split(" ", 1)[0].strip() == "v=spf1")
    if not found:
        return _missing(record)
    if len(found) > 1:
        return Finding(
            record.key,
            record.title,
            WRONG,
            _("There are %d SPF records; together they count as none.") % len(found),
            _("Keep one record that names all your senders."),
            found,
        )
    terms = found[0].lower().split()[1:]
    if "all" in terms or "+all" in terms:
        return Finding(
            record.key,
            record.title,
            WRONG,
            _("It allows the whole world to send as you."),
            _("End it with ~all or -all."),
            found,
        )
    if _names_us(terms, record, ours):
        return Finding(record.key, record.title, GOOD, _("This host may send."), observed=found)
    host = record.value.split("a:", 1)[1].split(" ", 1)[0]
    rest = found[0].split(" ", 1)[1] if " " in found[0] else "~all"
    return Finding(
        record.key,
        record.title,
        WRONG,
        _("It names other senders, but not this host."),
        _("Add this host to the record you have."),
        found,
        suggested=f"v=spf1 a:{host} {rest}",
    )


def _names_us(terms: Sequence[str], record: Record, ours: Sequence[str]) -> bool:
    """RFC 7208 §5: does a term allow this host? What `include` brings is not followed here."""
    host = record.value.split("a:", 1)[1].split(" ", 1)[0]
    wanted = {"mx", f"mx:{record.name}", f"a:{host}", f"include:{host}"}
    wanted |= {f"{'ip6' if ':' in each else 'ip4'}:{each}" for each in ours}
    if record.name == host:
        wanted.add("a")
    return any(term.removeprefix("+") in wanted for term in terms)


def tags(text: str) -> Mapping[str, str]:
    """RFC 6376 §3.2 tag list; white space inside values is dropped, as DNS forms like to add some."""
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {name.strip().lower(): "".join(value.split()) for name, value in pairs}


def _dkim(record: Record, texts: tuple[str, ...]) -> Finding:
    found = tuple(t for t in texts if "p" in tags(t))
    if not found:
        return _missing(record)
    key = tags(record.value)["p"]
    if any(tags(text)["p"] == key for text in found) and len(found) == 1:
        return Finding(record.key, record.title, GOOD, _("Signatures can be checked."), observed=found)
    if len(found) > 1:
        said = _("There are several keys under this name; others may read either.")
    elif not tags(found[0])["p"]:
        said = _("The key under this name is revoked.")
    else:
        said = _("Another key, or a cut one, is under this name.")
    return Finding(
        record.key,
        record.title,
        WRONG,
        said,
        _("Replace it by this record. Some providers cut long values: paste it whole."),
        found,
    )


def _dmarc(record: Record, texts: tuple[str, ...]) -> Finding:
    found = tuple(t for t in texts if t.replace(" ", "").lower().startswith("v=dmarc1"))
    if not found:
        return _missing(record)
    if len(found) > 1:
        said, todo = _("There are %d policies; together they count as none.") % len(found), _("Keep one.")
        return Finding(record.key, record.title, WRONG, said, todo, found)
    policy = tags(found[0]).get("p", "").lower()
    if policy in {"quarantine", "reject"}:
        turned, aside = _("Forged mail is turned away."), _("Forged mail is put aside as spam.")
        said = turned if policy == "reject" else aside
        return Finding(record.key, record.title, GOOD, said, observed=found)
    if policy == "none":
        said = _("A policy is there. It asks for reports only; forged mail still arrives.")
        return Finding(record.key, record.title, GOOD, said, observed=found)
    said = _("The policy does not say what to do: p= is missing or unknown.")
    return Finding(record.key, record.title, WRONG, said, _("Replace it by this record."), found)
