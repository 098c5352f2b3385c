"""How the addresses of a mailspace appear to others: the name beside each, and the one that is taken by default.

Which addresses there are is decided by accounts and aliases (hosting.accounts, hosting.aliases); here nobody gains one.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from hosting import audit
from hosting.accounts import clean_name
from hosting.actor import Actor
from hosting.errors import NotFound
from hosting.models import Account, Grant, Identity


def change(account: Account, mailspace: int, *, names: Mapping[str, str], default: str, actor: Actor) -> None:
    """Set the name of each address in `names`, and which one is taken by default ("": as it is).

    The mailspace must be the account's own; what it does not have is NotFound.
    """
    if not Grant.objects.filter(account=account, mailspace=mailspace, right=Grant.OWN).exists():
        raise NotFound(_("There is nothing here, or it is not yours to see."))
    with transaction.atomic():
        held = {
            each.address: each for each in Identity.objects.select_for_update().filter(mailspace=mailspace)
        }
        if not names.keys() <= held.keys() or (default and default not in held):
            raise NotFound(_("There is nothing here, or it is not yours to see."))
        before, after = {}, {}
        for address, name in names.items():
            clean = clean_name(name)
            if clean != held[address].name:
                before[address], after[address] = held[address].name, clean
                Identity.objects.filter(pk=held[address].pk).update(name=clean)
        old = next((address for address, each in held.items() if each.is_default), "")
        if default and default != old:
            Identity.objects.filter(mailspace=mailspace, is_default=True).update(is_default=False)
            Identity.objects.filter(pk=held[default].pk).update(is_default=True)
            before["default_address"], after["default_address"] = old, default
        if after:
            audit.record(actor, "account.identities", of=account, before=before, after=after)
