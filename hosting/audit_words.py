"""How the record of changes is said: verbs, columns, values and doors in the reader's language.

The record itself keeps names of columns and of states, as they are stored. Used by hosting/views/audit.py.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from hosting.forms import quota_text

VERBS = {
    "tenant.add": gettext_lazy("added"),
    "tenant.limits": gettext_lazy("changed the limits of"),
    "tenant.suspend": gettext_lazy("suspended"),
    "tenant.resume": gettext_lazy("resumed"),
    "domain.add": gettext_lazy("added"),
    "domain.suspend": gettext_lazy("suspended"),
    "domain.resume": gettext_lazy("resumed"),
    "domain.activate": gettext_lazy("activated"),
    "domain.catch_all": gettext_lazy("changed the catch-all of"),
    "account.add": gettext_lazy("added"),
    "account.suspend": gettext_lazy("suspended"),
    "account.resume": gettext_lazy("resumed"),
    "account.name": gettext_lazy("renamed the owner of"),
    "account.own": gettext_lazy("changed what is known of"),
    "account.identities": gettext_lazy("changed the sender addresses of"),
    "account.quota": gettext_lazy("changed the storage of"),
    "account.password": gettext_lazy("set the password of"),
    "account.pop3": gettext_lazy("changed POP3 for"),
    "account.import": gettext_lazy("imported mail for"),
    "account.import.undo": gettext_lazy("took back imported mail of"),
    "account.outside.add": gettext_lazy("proved an address elsewhere for"),
    "account.outside.remove": gettext_lazy("removed an address elsewhere of"),
    "account.export": gettext_lazy("exported the mail of"),
    "alias.add": gettext_lazy("added the alias"),
    "alias.targets": gettext_lazy("changed where mail goes for"),
    "alias.remove": gettext_lazy("removed the alias"),
    "domain.inbound": gettext_lazy("changed what happens with doubtful mail of"),
    "held.release": gettext_lazy("released held mail of"),
    "held.delete": gettext_lazy("deleted held mail of"),
    "domain.remove": gettext_lazy("removed"),
    "list.add": gettext_lazy("added the list"),
    "list.change": gettext_lazy("changed the list"),
    "list.members": gettext_lazy("changed the members of"),
    "list.remove": gettext_lazy("removed the list"),
    "mask.add": gettext_lazy("made the masked address"),
    "mask.close": gettext_lazy("shut the masked address"),
    "mask.open": gettext_lazy("opened the masked address"),
    "mask.remove": gettext_lazy("removed the masked address"),
    "role.give": gettext_lazy("gave a role to"),
}
_COLUMNS = {
    "action": gettext_lazy("action"),
    "address": gettext_lazy("address"),
    "added": gettext_lazy("added"),
    "alias_of": gettext_lazy("another name of"),
    "catch_all": gettext_lazy("catch-all"),
    "format": gettext_lazy("format"),
    "full_name": gettext_lazy("name"),
    "default_address": gettext_lazy("writes from"),
    "greylist": gettext_lazy("unknown servers are asked to come again"),
    "hold_forged": gettext_lazy("forged mail is held"),
    "hold_spam": gettext_lazy("sure spam is held"),
    "junk_at": gettext_lazy("points for Spam"),
    "kind": gettext_lazy("kind"),
    "max_accounts": gettext_lazy("accounts at most"),
    "max_domains": gettext_lazy("domains at most"),
    "max_quota_bytes": gettext_lazy("storage at most"),
    "messages": gettext_lazy("messages"),
    "members": gettext_lazy("members"),
    "name": gettext_lazy("name"),
    "owner": gettext_lazy("owner"),
    "pause_after": gettext_lazy("refusals until a member is paused"),
    "policy": gettext_lazy("who may post"),
    "posters": gettext_lazy("addresses that may post"),
    "refuse_at": gettext_lazy("points of sure spam"),
    "removed": gettext_lazy("removed"),
    "sender": gettext_lazy("from"),
    "subject": gettext_lazy("subject"),
    "resumed": gettext_lazy("resumed"),
    "on": gettext_lazy("for"),
    "pop3_erases": gettext_lazy("POP3 erases"),
    "pop3_marks_read": gettext_lazy("POP3 marks as read"),
    "pop3_newest": gettext_lazy("POP3 shows the newest"),
    "quota_bytes": gettext_lazy("storage"),
    "receives": gettext_lazy("receives mail"),
    "recovery_address": gettext_lazy("recovery address"),
    "state": gettext_lazy("state"),
    "targets": gettext_lazy("goes to"),
    "username": gettext_lazy("address"),
}
_VALUES = {
    "kind": {
        "provider": pgettext_lazy("kind of customer", "provider"),
        "reseller": pgettext_lazy("kind of customer", "reseller"),
        "customer": pgettext_lazy("kind of customer", "customer"),
        "owner": pgettext_lazy("role", "owner"),
        "administrator": pgettext_lazy("role", "administrator"),
        "support": pgettext_lazy("role", "support"),
        "billing": pgettext_lazy("role", "billing"),
        "readonly": pgettext_lazy("role", "looking only"),
    },
    "policy": {
        "anyone": pgettext_lazy("who may post", "anyone"),
        "members": pgettext_lazy("who may post", "its members"),
        "listed": pgettext_lazy("who may post", "named addresses"),
    },
    "state": {
        "active": pgettext_lazy("state", "active"),
        "suspended": pgettext_lazy("state", "suspended"),
        "pending": pgettext_lazy("state", "waiting"),
    },
}
_DOORS = {
    "panel": gettext_lazy("panel"),
    "web mail": gettext_lazy("web mail"),
    "command line": gettext_lazy("command line"),
    "setup": gettext_lazy("first set-up"),
    "DNS check": gettext_lazy("DNS check"),
    "demo": gettext_lazy("demo"),
}


def verb(name: str) -> str:
    return str(VERBS.get(name, name))


def door(name: str) -> str:
    """Where a change came from, when no address says it."""
    return str(_DOORS.get(name, name))


def actor(name: str, *, is_account: bool) -> str:
    """Who did it: an account by its name; what has none is this host itself, and the door says the rest."""
    return name if is_account else _("This host")


def column(key: str) -> str:
    return str(_COLUMNS.get(key) or key.removesuffix("_bytes").replace("_", " "))


def value(key: str, raw: Any) -> str:
    if key.endswith("_bytes") and isinstance(raw, int):
        return quota_text(raw) or _("no limit")
    if isinstance(raw, bool):
        return _("yes") if raw else _("no")
    if isinstance(raw, list):
        return ", ".join(str(each) for each in raw)
    if raw in (None, ""):
        return "–"
    return str(_VALUES.get(key, {}).get(str(raw), raw))
