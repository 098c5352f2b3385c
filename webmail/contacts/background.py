"""A large file of contacts is read in the background (webmail/chores.py): it keeps nobody waiting and may be left.

A worker that dies is followed by one that begins again, and doubles nobody. What came of it stands in the row.
"""

from __future__ import annotations

import os
import secrets

from django.utils.translation import gettext as _

from hosting.access import mailspaces_for
from hosting.models import Account
from webmail import chores
from webmail.chores import CannotDo, Work
from webmail.models import Chore

from . import bringing
from .values import CannotKeep, CannotRead, Imported

LARGE = 300_000  # bytes of a file that is not read while somebody waits
_PARTS = 1000


def begin(account: Account, mailspace: int, data: bytes, name: str) -> Chore:
    """Keep the file; the rest is done in the background."""
    if chores.is_open(chores.last(account, mailspace, Chore.CONTACTS)):
        raise CannotDo(_("Another file is being read. Wait until it is done."))
    place = f"contacts-{secrets.token_hex(16)}"
    with os.fdopen(
        os.open(chores.folder() / place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
    ) as out:
        out.write(data)
    told = {"name": "".join(char for char in name if char.isprintable())[-100:]}
    return chores.start(account, mailspace, Chore.CONTACTS, data=told, file=place, size=len(data))


def work(work: Work) -> None:
    """The chore: read the file to its end, then let it go."""
    chore = work.chore
    path = chores.path_of(chore)
    if path is None or not path.exists():
        raise CannotDo(_("The file is no longer here. Choose it again."))
    rights = {each.mailspace: each.rights for each in mailspaces_for(chore.account)}
    if rights.get(chore.mailspace) not in ("own", "organise"):
        raise CannotDo(_("This mailbox is no longer yours to change."))
    try:
        done = bringing.import_file(
            chore.mailspace,
            path.read_bytes(),
            chore.data["name"],
            told=lambda part: work.progress(int(part * _PARTS), _PARTS),
        )
    except CannotRead as error:
        raise CannotDo(str(error)) from error
    except CannotKeep as error:
        raise CannotDo(_("The address book is full: it holds 100,000 contacts.")) from error
    work.save(data=chore.data | _noted(done))
    chores.drop_file(chore)


def _noted(done: Imported) -> dict[str, object]:
    return {
        "added": done.added,
        "known": done.known,
        "changed": done.changed,
        "unread": list(done.unread),
        "undo": done.undo,
    }


def result_of(chore: Chore) -> Imported | None:
    """What came of one that is done."""
    data = chore.data
    if chore.state != Chore.DONE or "added" not in data:
        return None
    return Imported(data["added"], data["known"], data["changed"], tuple(data["unread"]), data["undo"])
