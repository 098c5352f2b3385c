"""`manage.py export_mail ADDRESS PATH`: an account's mail as files, with folders, flags and dates.

`import_mail` reads it back byte for byte; so do mutt, Dovecot, Thunderbird the formats that are theirs. Nothing is
overwritten, and what is written only its owner may read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting import audit
from hosting.management.terminal import COMMAND_LINE, account_with_mail, plainly, show_bytes
from mta.archive import writing
from mta.archive.values import Letter
from mta.mailstore import errors
from mta.mailstore import service as mailstore
from mta.values import QUARANTINE, MailboxInfo


class Command(BaseCommand):
    help = "Export an account's mail: mbox files, a Maildir, .eml files, or a .zip of those."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the account")
        parser.add_argument("path", type=Path, help="what to write; must not be there yet")
        parser.add_argument(
            "--format",
            choices=writing.FORMATS,
            default="",
            help="by default what the path's ending says (.zip, .mbox), else maildir",
        )
        parser.add_argument(
            "--mailbox",
            action="append",
            default=[],
            metavar="NAME",
            help="only this one (repeatable); with mbox, one makes a single file",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            account = account_with_mail(options["address"])
            mailspace = account.mailspace
            assert mailspace is not None  # noqa: S101 - account_with_mail looked
            path: Path = options["path"]
            format_ = options["format"] or {".zip": "zip", ".mbox": "mbox"}.get(
                path.suffix.lower(), "maildir"
            )
            boxes = _chosen(mailspace, options["mailbox"])
            count = _Count(self, quiet=not options["verbosity"])
            try:
                with writing.archive(path, format_, alone=len(options["mailbox"]) == 1) as archive:
                    for box in boxes:
                        letters = count.counting(mailstore.letters(mailspace, box))
                        archive.add(mailstore.folder_of(box), letters)
                    archive.finish(account.username)
            except (writing.AlreadyThere, OSError) as error:
                raise CommandError(f"{error}") from None
            finally:
                count.clear()
            audit.record(
                COMMAND_LINE,
                "account.export",
                of=account,
                after={"messages": count.messages, "format": format_},
            )
        size = show_bytes(count.size, none="0 B")
        of = "one mailbox" if len(boxes) == 1 else f"{len(boxes)} mailboxes"
        self.stdout.write(f"Exported {count.messages:,} messages ({size}) of {of} to {path}.")


def _chosen(mailspace: int, names: list[str]) -> list[MailboxInfo]:
    boxes = [box for box in mailstore.mailboxes(mailspace) if box.role != QUARANTINE]
    if not names:
        return boxes
    try:
        wanted = {mailstore.mailbox(mailspace, name).id for name in names}
    except errors.StoreError:
        known = ", ".join(box.name for box in boxes)
        raise CommandError(f"There is no such mailbox; there are {known}.") from None
    return [box for box in boxes if box.id in wanted]


class _Count:
    """Counts what goes by, and says so."""

    def __init__(self, command: BaseCommand, *, quiet: bool) -> None:
        self.messages = self.size = 0
        self._out, self._live = command.stderr, sys.stderr.isatty() and not quiet
        self._next = 0.0

    def counting(self, letters: Iterator[Letter]) -> Iterator[Letter]:
        for letter in letters:
            yield letter
            self.messages += 1
            self.size += len(letter.raw)
            if self._live and self.messages % 100 == 0 and time.monotonic() > self._next:
                self._next = time.monotonic() + 0.5
                self._out.write(f"\r\033[K{self.messages:,} exported ({show_bytes(self.size)})", ending="")
                self._out.flush()

    def clear(self) -> None:
        if self._live:
            self._out.write("\r\033[K", ending="")
