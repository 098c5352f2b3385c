"""Mail from a file that somebody uploaded: an mbox, a Maildir or messages in a .zip, one .eml.

What is read is `mta.archive`'s and what is stored or skipped `mta.mailstore.importing`'s; here it is a chore (see
webmail/chores.py) with its progress and the way back. A worker that dies is followed by one that skips what is there
already, so nothing comes twice; every try has an action of its own, and all of them are taken back together.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.utils.translation import gettext as _

from hosting.access import mailspaces_for
from hosting.models import Account
from mta.archive import reading
from mta.archive.values import Broken, Letter, Piece, Unreadable, Wishes
from mta.mailstore import service as mailstore
from mta.values import Cause
from webmail import chores
from webmail.chores import CannotDo, Work
from webmail.models import Chore

LARGEST = 20 << 30  # bytes of a file that is uploaded
SLACK = 1 << 30  # room that stays free on this host
SAID_BROKEN = 20
MOST_BROKEN = 20_000  # a file that is hardly mail at all
MOST_LABELS = 500  # that one file makes
_UNSAFE = re.compile(r"[^\w .()@+-]+")


def begin(account: Account, mailspace: int, file: UploadedFile, *, into: str, seen: bool) -> Chore:
    """Keep the file, under its name, which a single mbox is called by; the rest is done in the background."""
    if chores.is_open(chores.last(account, mailspace, Chore.IMPORT)):
        raise CannotDo(_("Another file is being read. Wait until it is done, or stop it."))
    size = file.size or 0
    if not size:
        raise CannotDo(_("This file is empty."))
    if size > LARGEST or shutil.disk_usage(chores.folder()).free < size + SLACK:
        raise CannotDo(_("This file is too large for this host. Bring it in parts."))
    place = f"import-{secrets.token_hex(16)}"
    name = _UNSAFE.sub("_", file.name or "")[-100:].strip(" .") or "mail"
    (chores.folder() / place).mkdir(mode=0o700)
    target = chores.folder() / place / name
    if isinstance(file, TemporaryUploadedFile):
        shutil.move(file.temporary_file_path(), target)
    else:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            shutil.copyfileobj(file, out)
    data = {"name": name, "into": into, "seen": seen, "actor": account.username}
    return chores.start(account, mailspace, Chore.IMPORT, data=data, file=f"{place}/{name}", size=size)


def work(work: Work) -> None:
    """The chore: read the file to its end, then let it go."""
    chore = work.chore
    path = chores.path_of(chore)
    if path is None or not path.exists():
        raise CannotDo(_("The file is no longer here. Choose it again."))
    if not any(
        each.mailspace == chore.mailspace and each.rights in ("own", "organise")
        for each in mailspaces_for(chore.account)
    ):
        raise CannotDo(_("This mailbox is no longer yours to change."))
    run = _Run(work)
    try:
        wishes = Wishes(largest=settings.MAX_MESSAGE_SIZE, newest_first=True, spool=str(chores.folder()))
        work.progress(0, reading.size(path))
        tally = mailstore.import_letters(
            chore.mailspace,
            run.counting(reading.read(path, wishes)),
            cause=Cause("import", f"import of {chore.data['name']}", chore.data.get("actor", "")),
            terms=mailstore.Terms(into=chore.data["into"], seen=chore.data["seen"], most_new=MOST_LABELS),
            report=run.report,
            progress=run.note,
        )
    except (Unreadable, OSError) as error:
        raise CannotDo(str(error)) from error
    run.note(tally, at_once=True)
    chores.drop_file(chore)
    if not tally.messages and not sum(tally.there.values()) and not tally.over_quota:
        raise CannotDo(_("There is no mail in this file."))


class _Run:
    """Tells the row how far one try is."""

    def __init__(self, work: Work) -> None:
        self._work, self._read = work, 0
        self._actions: list[str] = list(work.chore.data.get("actions", ()))
        self._before: int = work.chore.data.get("messages", 0)  # what earlier tries have stored
        self._broken: list[str] = []

    def counting(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Each piece is a moment to say that we are alive: a file may hold a million that are no mail."""
        strange = 0
        for piece in pieces:
            if isinstance(piece, Letter):
                self._read += len(piece.raw)
            elif isinstance(piece, Broken):
                strange += 1
                if strange > MOST_BROKEN:
                    raise CannotDo(_("Too much of this file is no mail. What could be read is here."))
            self._work.progress(min(self._read, self._work.chore.total))
            yield piece

    def report(self, broken: Broken) -> None:
        if len(self._broken) < SAID_BROKEN:
            self._broken.append(f"{broken.where}: {broken.reason}"[:300])

    def note(self, tally: mailstore.Tally, *, at_once: bool = False) -> None:
        """A chunk is stored: its action stands in the row before the next one begins."""
        told = {
            "actions": list(dict.fromkeys([*self._actions, tally.action])),
            "messages": self._before + tally.messages,
            "there": sum(tally.there.values()),
            "broken": self._broken,
            "unread": tally.broken,
            "unmade": tally.unmade,
            "full": tally.over_quota,
        }
        self._work.chore.data = self._work.chore.data | told
        self._work.progress(min(self._read, self._work.chore.total))
        if at_once or tally.action not in self._work.noted:
            self._work.noted.add(tally.action)
            self._work.save(data=self._work.chore.data)


def take_back(chore: Chore, *, cause: Cause) -> None:
    """Take back everything that every try has stored; in the background, as any undo of many."""
    for action in reversed(chore.data.get("actions", ())):
        mailstore.start_undo(chore.mailspace, action, cause=cause)
