"""Everything of one mailbox as one .zip: each mailbox as an mbox file, contacts as vCards, filters and choices as JSON.

Written in the background (webmail/chores.py); a worker that dies leaves nothing but a folder that the next one
removes. The mail is what `mta.archive.writing` writes and what "Bring mail from a file" reads back. The bytes lie in
`DATA_DIR/chores`, readable by this program only, for seven days.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from hosting.access import mailspaces_for
from mta.archive import writing
from mta.archive.values import Letter
from mta.filters import service as filters
from mta.mailstore import service as mailstore
from mta.values import QUARANTINE
from webmail import chores
from webmail.chores import CannotDo, Work
from webmail.contacts import service as contacts
from webmail.models import Chore, Preferences, Signature, Template

ROOM = (
    1.3  # the free room that is wanted, times what the mail takes: the mbox files and then the .zip of them
)


def work(work: Work) -> None:
    """The chore."""
    chore = work.chore
    if not any(
        each.mailspace == chore.mailspace and each.rights == "own" for each in mailspaces_for(chore.account)
    ):
        raise CannotDo(_("This mailbox is no longer yours to take along."))
    usage = mailstore.usage(chore.mailspace)
    if shutil.disk_usage(chores.folder()).free < usage.used * 2 * ROOM:
        raise CannotDo(_("This host has not enough room for such a file. Ask its administrator."))
    boxes = [box for box in mailstore.mailboxes(chore.mailspace) if box.role != QUARANTINE]
    work.progress(0, sum(box.messages for box in boxes))
    tree = chores.folder() / f"export-{chore.pk}"  # one name for each try: what an earlier one left goes
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(mode=0o700)
    try:
        with writing.archive(tree / "mail", "mbox") as archive:
            counting = _Counting(work)
            for box in boxes:
                archive.add(
                    mailstore.folder_of(box), counting.letters(mailstore.letters(chore.mailspace, box))
                )
            archive.finish(chore.account.username)
        _beside(chore, tree)
        name = f"{secrets.token_hex(16)}.zip"
        size = _pack(tree, chores.folder() / name, work)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    try:
        work.save(file=name, size=size, data=chore.data | {"messages": counting.messages})
    except BaseException:
        (chores.folder() / name).unlink(missing_ok=True)
        raise


class _Counting:
    """Tells the row how far it is while letters go by."""

    def __init__(self, work: Work) -> None:
        self.messages, self._work = 0, work

    def letters(self, letters: Iterable[Letter]) -> Iterator[Letter]:
        for letter in letters:
            yield letter
            self.messages += 1
            self._work.progress(self.messages)


def _beside(chore: Chore, tree: Path) -> None:
    """What is not mail."""
    with _create(tree / "contacts.vcf") as out:
        for card in contacts.export_vcards(chore.mailspace):
            out.write(card)
    with _create(tree / "filters.json") as out:
        out.write(_json(filters.stored(chore.mailspace)))
    with _create(tree / "settings.json") as out:
        out.write(_json(_choices(chore)))


def _choices(chore: Chore) -> dict[str, Any]:
    kept = Preferences.objects.filter(account=chore.account).first()
    own = {"account": chore.account}
    return {
        "preferences": model_to_dict(kept, exclude=["account", "label_looks", "greeted", "cards_closed"])
        if kept
        else {},
        "signatures": list(Signature.objects.filter(**own).order_by("name").values("name", "html")),
        "templates": list(Template.objects.filter(**own).order_by("name").values("name", "subject", "html")),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str).encode("utf-8", "replace")


def _create(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _pack(tree: Path, target: Path, work: Work) -> int:
    """The tree as a .zip; gives its size. Each file that is in it is gone from the disk."""
    try:
        with (
            _create(target) as out,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed,
        ):
            for path in sorted(each for each in tree.rglob("*") if each.is_file()):
                with (
                    path.open("rb") as source,
                    packed.open(path.relative_to(tree).as_posix(), "w", force_zip64=True) as entry,
                ):
                    while piece := source.read(1 << 20):
                        entry.write(piece)
                        work.progress(work.chore.done)
                path.unlink()
        return target.stat().st_size
    except BaseException:
        target.unlink(missing_ok=True)
        raise
