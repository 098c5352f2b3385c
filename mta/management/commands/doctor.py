"""`manage.py doctor`: is everything as it should be here? Exit status 1 if something is not.

Changes nothing, but with `--reparse` and `--repair`, which write again what follows from the messages.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mta import directory
from mta.correspondents import service as correspondents
from mta.directory import LocalTarget
from mta.mailstore import doctor, hostwide, repair, reparse


class Command(BaseCommand):
    help = "Check the database and, with --store, recount everything the mail store keeps."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--store", action="store_true", help="recount every mailspace (reads all rows)")
        parser.add_argument(
            "--account", default="", metavar="ADDRESS", help="with the others: only this account"
        )
        parser.add_argument(
            "--repair", action="store_true", help="recount, and write again what follows from the messages"
        )
        parser.add_argument(
            "--reparse",
            action="store_true",
            help="parse messages anew that an older version of the program parsed",
        )

    def handle(self, *args: object, **options: object) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is older than the program: run `manage.py migrate`.")
        chosen = self._chosen(str(options["account"]))
        found = 0
        if options["reparse"]:
            found += self._reparse(chosen)
        if options["store"] or options["repair"]:
            for mailspace in doctor.mailspaces() if chosen is None else chosen:
                found += self._look_at(mailspace, repairs=bool(options["repair"]))
            if chosen is None:
                found += self._tell(hostwide.problems(), "the host")
        if not options["reparse"] and (waiting := reparse.pending()):
            self.stdout.write(
                f"An older version parsed {waiting:,} messages; `manage.py doctor --reparse` redoes them."
            )
        if options["store"] and (waiting := hostwide.waiting_for_index()):
            self.stdout.write(
                f"{waiting:,} messages wait for the index; the sidecar takes them while it runs."
            )
        if found:
            raise CommandError(f"{found} problems found.")
        self.stdout.write("Everything checked is as it should be.")

    def _chosen(self, address: str) -> list[int] | None:
        """The mailspaces that an address means; None for all."""
        if not address:
            return None
        targets = directory.current().resolve(address).targets
        found = [target.mailspace for target in targets if isinstance(target, LocalTarget)]
        if not found:
            raise CommandError(f"There is no account {address}.")
        return found

    def _look_at(self, mailspace: int, *, repairs: bool) -> int:
        name = self._name(mailspace)
        differences = _differences(mailspace)
        if differences and repairs:
            self._tell(differences, name)
            repair.repair(mailspace)
            correspondents.repair(mailspace)
            left = _differences(mailspace)
            self.stdout.write(f"{name}: repaired." if not left else f"{name}: repaired, but for:")
            return self._tell(left, name)
        return self._tell(differences, name)

    def _name(self, mailspace: int) -> str:
        owner = directory.current().owner(mailspace)
        return f"{owner} (mailspace {mailspace})" if owner else f"mailspace {mailspace}"

    def _tell(self, problems: Iterable[str], name: str) -> int:
        told = 0
        for problem in problems:
            self.stderr.write(f"{name}: {problem}")
            told += 1
        return told

    def _reparse(self, chosen: list[int] | None) -> int:
        def progress(done: int, unread: int) -> None:
            if sys.stderr.isatty():
                self.stderr.write(f"\r{done:,} parsed", ending="")

        unread: list[int] = []
        for mailspace in chosen if chosen is not None else [None]:
            done, bad = reparse.reparse(progress, mailspace=mailspace)
            unread += bad
            self.stdout.write(f"{done:,} messages were parsed anew.")
        for message in unread:
            self.stderr.write(f"message {message} cannot be read")
        return len(unread)


def _differences(mailspace: int) -> list[str]:
    """In the mail, and in what is known of people."""
    return [*doctor.differences(mailspace), *correspondents.differences(mailspace)]
