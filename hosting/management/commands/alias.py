"""`manage.py alias add|remove|list`: addresses that lead to other addresses, from a shell on the host."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting import access, aliases, domains, names
from hosting.management.terminal import COMMAND_LINE, plainly


class Command(BaseCommand):
    help = "Add, remove and list aliases."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        add = verbs.add_parser("add", help="add an alias")
        add.add_argument("address")
        add.add_argument("targets", nargs="+", help="where its mail goes, here or anywhere")
        remove = verbs.add_parser("remove", help="remove an alias")
        remove.add_argument("address")
        verbs.add_parser("list", help="list aliases")

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            getattr(self, f"_{options['verb']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        local, domain_name = names.split(names.address(options["address"]))
        domain = domains.find(domain_name)
        if domain is None:
            raise CommandError(f"{domain_name} is not a domain here.")
        made = aliases.add(domain, local, targets=options["targets"], actor=COMMAND_LINE)
        self.stdout.write(f"Added {made}.")

    def _remove(self, options: dict[str, Any]) -> None:
        local, domain = names.split(names.address(options["address"]))
        rows = aliases.plain(access.addresses_for(COMMAND_LINE)).select_related("domain")
        found = access.find(rows, local_part=local, domain__name=domain)
        aliases.remove(found, actor=COMMAND_LINE)
        self.stdout.write(f"Removed {found}.")

    def _list(self, _options: dict[str, Any]) -> None:
        rows = aliases.plain(access.addresses_for(COMMAND_LINE)).select_related("domain")
        for alias in rows.order_by("domain__name", "local_part"):
            self.stdout.write("\t".join((str(alias), ", ".join(aliases.targets_of(alias)))))
