"""`manage.py list add|members|list`: distribution lists, from a shell on the host."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting import access, domains, lists, names
from hosting.management.terminal import COMMAND_LINE, plainly
from hosting.models import MailingList


class Command(BaseCommand):
    help = "Add distribution lists and their members."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        add = verbs.add_parser("add", help="add a list")
        add.add_argument("address")
        add.add_argument("--name", default="", help="how members see it; its address if left out")
        add.add_argument("--policy", default="members", choices=[name for name, _ in MailingList.POLICIES])
        add.add_argument("--poster", action="append", default=[], help="an address that may post (listed)")
        add.add_argument(
            "--owner", default="", help="the account that hears of members who cannot be reached"
        )
        members = verbs.add_parser("members", help="add members: addresses on standard input")
        members.add_argument("address")
        verbs.add_parser("list", help="list the lists")

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            getattr(self, f"_{options['verb']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        local, domain_name = names.split(names.address(options["address"]))
        domain = domains.find(domain_name)
        if domain is None:
            raise CommandError(f"{domain_name} is not a domain here.")
        wanted = lists.Wanted(
            name=options["name"] or local,
            policy=options["policy"],
            posters=options["poster"],
            owner=options["owner"],
        )
        made = lists.add(domain, local, wanted=wanted, actor=COMMAND_LINE)
        self.stdout.write(f"Added the list {made.address}.")

    def _members(self, options: dict[str, Any]) -> None:
        pasted = lists.parse_members(sys.stdin.read(1_000_000))
        added = lists.add_members(_list(options["address"]), pasted, actor=COMMAND_LINE)
        left = f" Not brought back, because they have left: {', '.join(added.left)}." if added.left else ""
        self.stdout.write(f"Added {added.added}; {added.there} were there.{left}")

    def _list(self, _options: dict[str, Any]) -> None:
        for each in access.lists_for(COMMAND_LINE).select_related("address__domain").order_by("id"):
            self.stdout.write(
                "\t".join((str(each.address), each.policy, str(each.members.count()), each.name))
            )


def _list(address: str) -> MailingList:
    local, domain = names.split(names.address(address))
    rows = access.lists_for(COMMAND_LINE).select_related("address__domain")
    return access.find(rows, address__local_part=local, address__domain__name=domain)
