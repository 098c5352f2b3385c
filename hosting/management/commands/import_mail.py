"""`manage.py import_mail ADDRESS PATH`: mail from files into an account, with folders, flags and dates.

What it reads is `mta.archive`'s, what it stores and skips `mta.mailstore.importing`'s; here are the words for the
person. Exit status: 0 all is there; 1 nothing was done; 3 some could not be read; 4 the quota is full; 130 Ctrl-C.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting import audit
from hosting.management.terminal import COMMAND_LINE, account_with_mail, parse_quota, plainly, show_bytes
from hosting.models import Account
from mta.archive import reading
from mta.archive.values import DOVECOT_UIDL, Broken, Unreadable, Wishes
from mta.mailstore import service as mailstore
from mta.values import Cause

SOME_UNREADABLE, QUOTA_FULL, INTERRUPTED = 3, 4, 130
SLACK = 1.05  # files on Unix have shorter line ends than mail
SHOWN_BROKEN = 1000


class Command(BaseCommand):
    help = (
        "Import mail into an account: an mbox file, a Maildir, a folder of .eml files, one .eml, or a .zip of these. "
        "Run again, it imports only what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the account")
        parser.add_argument("path", nargs="?", type=Path, help="the file or folder")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, store nothing")
        parser.add_argument("--into", default="", metavar="MAILBOX", help="put everything below this mailbox")
        parser.add_argument(
            "--flat", action="store_true", help="with --into: everything into that one mailbox"
        )
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="FOLDER",
            help="only this folder of the source (repeatable)",
        )
        parser.add_argument(
            "--skip",
            action="append",
            default=[],
            metavar="FOLDER",
            help="not this folder of the source (repeatable)",
        )
        parser.add_argument(
            "--keep-names",
            action="store_true",
            help='keep folder names: "Deleted Items" does not become Trash',
        )
        parser.add_argument("--seen", action="store_true", help="mark everything as read")
        parser.add_argument(
            "--quoting",
            choices=("mboxrd", "mboxo", "none"),
            default="mboxrd",
            help='how the mbox files hide lines that begin with "From " (mboxo: Dovecot and old programs)',
        )
        parser.add_argument(
            "--uidl",
            default=DOVECOT_UIDL,
            metavar="FORMAT",
            help="the old host's pop3_uidl_format, so that POP3 clients fetch nothing twice; '' for none (default %(default)s)",
        )
        parser.add_argument(
            "--max-size", default="", metavar="SIZE", help="take messages up to this size, such as 200MB"
        )
        parser.add_argument("--over-quota", action="store_true", help="go on where the quota is full")
        parser.add_argument(
            "--undo", default="", metavar="ACTION", help="take an import back, as its summary says"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            account = account_with_mail(options["address"])
            if options["undo"]:
                self._undo(account, options["undo"])
            elif options["path"] is None:
                raise CommandError("Name the file or folder to import.")
            else:
                self._import(account, options)

    # --- importing

    def _import(self, account: Account, options: dict[str, Any]) -> None:
        path: Path = options["path"]
        wishes = Wishes(
            largest=parse_quota(options["max_size"]) if options["max_size"] else settings.MAX_MESSAGE_SIZE,
            quoting=options["quoting"],
            uidl=options["uidl"],
            only=tuple(options["only"]),
            skip=tuple(options["skip"]),
            by_name=not options["keep_names"],
        )
        terms = mailstore.Terms(
            into=options["into"].strip("/"),
            flat=options["flat"],
            dry_run=options["dry_run"],
            over_quota=options["over_quota"],
            seen=options["seen"],
        )
        if terms.flat and not terms.into:
            raise CommandError("--flat needs --into.")
        try:
            if not (terms.over_quota or terms.dry_run):
                self._require_room(account, path, wishes, terms)
            tally = self._run(account, path, wishes, terms, verbosity=options["verbosity"])
        except (OSError, Unreadable) as error:
            raise CommandError(str(error)) from None
        if sum(tally.stored.values()) and not terms.dry_run:
            after = {"messages": tally.messages, "action": tally.action}
            audit.record(COMMAND_LINE, "account.import", of=account, after=after)
        self._sum_up(account, tally, terms)

    def _require_room(self, account: Account, path: Path, wishes: Wishes, terms: mailstore.Terms) -> None:
        """Before anything is stored. What files weigh is an upper bound; only if that is too much, look closely."""
        usage = mailstore.usage(_mailspace(account))
        if not usage.quota or usage.used + int(reading.size(path) * SLACK) <= usage.quota:
            return
        self.stderr.write("Looking whether all of it fits…")
        trial = mailstore.Terms(into=terms.into, flat=terms.flat, dry_run=True)
        needed = self._run(account, path, wishes, trial, verbosity=0).size
        if needed and usage.used + needed > usage.quota:
            raise CommandError(
                f"The account has {show_bytes(max(usage.quota - usage.used, 0), none='nothing')} left of {show_bytes(usage.quota)}, and "
                f"this is {show_bytes(needed)} of mail it does not have yet. Nothing was stored. Give it more "
                "(account quota), or go on with --over-quota.",
                returncode=QUOTA_FULL,
            )

    def _run(
        self, account: Account, path: Path, wishes: Wishes, terms: mailstore.Terms, *, verbosity: int
    ) -> mailstore.Tally:
        progress = _Progress(self, quiet=not verbosity)

        def report(broken: Broken) -> None:
            if verbosity and progress.broken < SHOWN_BROKEN:
                progress.clear()
                self.stderr.write(f"{_printable(broken.where)}: {broken.reason}")
            progress.broken += 1

        try:
            return mailstore.import_letters(
                _mailspace(account),
                reading.read(path, wishes),
                cause=Cause("import", f"import of {_printable(path.name)}"[:200], COMMAND_LINE.name),
                terms=terms,
                report=report,
                progress=progress.show,
            )
        except KeyboardInterrupt:
            progress.clear()
            raise CommandError(progress.stopped(account), returncode=INTERRUPTED) from None
        finally:
            progress.clear()

    def _sum_up(self, account: Account, tally: mailstore.Tally, terms: mailstore.Terms) -> None:
        out = self.stdout.write
        total, there = sum(tally.stored.values()), sum(tally.there.values())
        verb = "Would import" if terms.dry_run else "Imported"
        out(
            f"{verb} {tally.messages:,} messages ({show_bytes(tally.size, none='0 B')}) for {account.username}."
        )
        for name in sorted(tally.stored.keys() | tally.there.keys() | set(tally.created)):
            new = " (new)" if name in tally.created else ""
            already = f", {tally.there[name]:,} there already" if tally.there[name] else ""
            out(f"  {name}{new}: {tally.stored[name]:,}{already}")
        if there:
            out(f"{there:,} were there already, byte for byte, and were left alone.")
        if tally.passed:
            out(f"{tally.passed:,} files hold no mail and were passed over.")
        if total and not terms.dry_run:
            out(f"To take it back: manage.py import_mail {account.username} --undo {tally.action}")
        if tally.over_quota:
            raise CommandError(
                "The quota is full: the rest was not stored. Give the account more and run this again, or go on with "
                "--over-quota.",
                returncode=QUOTA_FULL,
            )
        if tally.broken:
            raise CommandError(
                f"{tally.broken:,} could not be read; they are named above.", returncode=SOME_UNREADABLE
            )
        if not total and not there:
            raise CommandError("There was no mail in it.")

    # --- taking back

    def _undo(self, account: Account, action: str) -> None:
        before = mailstore.usage(_mailspace(account)).messages
        done = mailstore.undo(_mailspace(account), action, cause=Cause("import", "undo", COMMAND_LINE.name))
        gone = before - mailstore.usage(_mailspace(account)).messages
        audit.record(COMMAND_LINE, "account.import.undo", of=account, after={"action": action})
        self.stdout.write(f"{gone:,} messages were taken back.")
        if done.skipped:
            self.stdout.write(f"{done.skipped:,} were moved or changed since, and stay.")


def _mailspace(account: Account) -> int:
    assert account.mailspace is not None  # noqa: S101 - account_with_mail looked
    return account.mailspace


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().translate(dict.fromkeys((*range(32), 127), "?"))


class _Progress:
    """One line at a terminal that is written over, else a line now and then."""

    def __init__(self, command: BaseCommand, *, quiet: bool) -> None:
        self.broken = 0
        self._out, self._quiet = command.stderr, quiet
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()
        self._next = self._began + (0.5 if self._live else 10)
        self._shown = False
        self._tally = mailstore.Tally()

    def stopped(self, account: Account) -> str:
        """What to say when somebody pressed Ctrl-C."""
        if not self._tally.messages:
            return "Stopped; nothing was stored."
        return (
            f"Stopped; {self._tally.messages:,} messages are stored. Run it again to go on, or take them back: "
            f"manage.py import_mail {account.username} --undo {self._tally.action}"
        )

    def show(self, tally: mailstore.Tally) -> None:
        self._tally = tally
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + (0.5 if self._live else 10)
        stored, there = tally.messages, sum(tally.there.values())
        pace = (stored + there) / (now - self._began)
        line = f"{stored:,} imported ({show_bytes(tally.size, none='0 B')}), {there:,} there already, {tally.broken:,} unreadable, {pace:,.0f}/s"
        self._out.write(f"\r\033[K{line}" if self._live else line, ending="" if self._live else "\n")
        self._out.flush()
        self._shown = self._live

    def clear(self) -> None:
        if self._shown:
            self._out.write("\r\033[K", ending="")
            self._shown = False
