"""`manage.py doctor`: is everything as it should be here? Changes nothing; exits 1 if something is not."""

from __future__ import annotations

import argparse

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mta.mailstore import doctor


class Command(BaseCommand):
    help = "Check the database and, with --store, recount everything the mail store keeps."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--store", action="store_true", help="recount every mailspace (reads all rows)")

    def handle(self, *args: object, **options: object) -> None:
        problems: list[str] = []
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            problems.append("The database is older than the program: run `manage.py migrate`.")
        if options["store"] and not problems:
            for mailspace in doctor.mailspaces():
                problems += [f"mailspace {mailspace}: {one}" for one in doctor.differences(mailspace)]
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} problems found.")
        self.stdout.write("Everything checked is as it should be.")
