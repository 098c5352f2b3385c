"""`manage.py account add|list|passwd|suspend|resume`: the panel's work, from a shell on the host."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting import access, accounts, domains, names
from hosting.management.terminal import COMMAND_LINE, parse_quota, plainly, read_password, show_bytes
from hosting.models import Account


class Command(BaseCommand):
    help = "Add and list accounts, set a password, suspend and resume. Passwords come from standard input."
    stealth_options = ("stdin",)

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        add = verbs.add_parser("add", help="add ADDRESS; its password is one line on standard input")
        add.add_argument("address")
        add.add_argument("--name", default="", help="the person's name")
        add.add_argument(
            "--quota", default=None, help="such as 5GB; 0: no limit; left out: what the plan gives"
        )
        listing = verbs.add_parser("list", help="list accounts")
        listing.add_argument("--domain", default="", help="of this domain only")
        passwd = verbs.add_parser("passwd", help="set a new password, one line on standard input")
        passwd.add_argument("address")
        for verb in ("suspend", "resume"):
            each = verbs.add_parser(verb, help=f"{verb} an account")
            each.add_argument("address")
            each.add_argument("--reason", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            getattr(self, f"_{options['verb']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        local, domain_name = names.split(options["address"].strip())
        domain = domains.find(domain_name)
        if domain is None:
            raise CommandError(f"{domain_name or options['address']} is not a domain here: domain add first.")
        quota = None if options["quota"] is None else parse_quota(options["quota"])
        account = accounts.add(
            domain,
            local,
            password=self._password(options),
            actor=COMMAND_LINE,
            full_name=options["name"],
            quota_bytes=quota,
        )
        self.stdout.write(f"Added {account.username}.")

    def _list(self, options: dict[str, Any]) -> None:
        found = access.accounts_for(COMMAND_LINE).select_related("tenant").order_by("username")
        if options["domain"]:
            found = found.filter(domain__name=names.domain_name(options["domain"]))
        for account in found.iterator():
            self.stdout.write(
                "\t".join(
                    (account.username, account.state, show_bytes(account.quota_bytes), account.full_name)
                ).rstrip()
            )

    def _passwd(self, options: dict[str, Any]) -> None:
        account = self._find(options)
        accounts.set_password(account, self._password(options), actor=COMMAND_LINE)
        self.stdout.write(f"The password of {account.username} is changed.")

    def _suspend(self, options: dict[str, Any]) -> None:
        account = self._find(options)
        accounts.suspend(account, actor=COMMAND_LINE, reason=options["reason"])
        self.stdout.write(f"{account.username} is suspended; its mail keeps arriving.")

    def _resume(self, options: dict[str, Any]) -> None:
        account = self._find(options)
        accounts.resume(account, actor=COMMAND_LINE, reason=options["reason"])
        self.stdout.write(f"{account.username} may sign in again.")

    def _password(self, options: dict[str, Any]) -> str:
        return read_password(options.get("stdin") or sys.stdin, asked_for=options["address"])

    def _find(self, options: dict[str, Any]) -> Account:
        account = accounts.find(options["address"])
        if account is None:
            raise CommandError(f"There is no account {options['address']}.")
        return account
