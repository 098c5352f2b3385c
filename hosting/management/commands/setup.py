"""`manage.py setup`: the first run in a terminal, or `--print-link` for the one in a browser.

Everything can be given as an option (the password as one line on standard input), for scripts; what is
missing is asked for at a terminal.
"""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from hosting import domains, first_run, host, tenants
from hosting.actor import system
from hosting.dns import expected
from hosting.errors import AlreadySetUp
from hosting.management.terminal import plainly, read_password

_SETUP = system("setup")


class Command(BaseCommand):
    help = "Set this host up: its administrator, its name, its first domain."
    stealth_options = ("stdin",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--print-link", action="store_true", help="print a one-time link to do it in a browser"
        )
        parser.add_argument("--username", default="", help="the administrator's sign-in name")
        parser.add_argument("--name", default="", help="the administrator's own name")
        parser.add_argument(
            "--hostname", default="", help="the host name mail is sent to, such as mail.example.org"
        )
        parser.add_argument("--domain", default="", help="the first mail domain")

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            if options["print_link"]:
                self._print_link()
            else:
                self._set_up(options)

    def _print_link(self) -> None:
        try:
            token = first_run.make_link()
        except AlreadySetUp:
            raise CommandError("This host has an administrator already; sign in instead.") from None
        self.stdout.write(f"{settings.PUBLIC_URL}{reverse('hosting:setup', args=[token])}")

    def _set_up(self, options: dict[str, Any]) -> None:
        stdin = options.get("stdin") or sys.stdin
        ask = _Questions(interactive=stdin is sys.stdin and stdin.isatty())
        if first_run.is_needed():
            username = options["username"] or ask("Administrator's sign-in name", default="admin")
            account = first_run.create_administrator(
                username=username,
                password=read_password(stdin, asked_for=username),
                full_name=options["name"],
                actor=_SETUP,
            )
            self.stdout.write(f"{account.username} administers this host.")
        hostname = options["hostname"] or ask("Host name mail is sent to", default=host.name())
        if hostname != host.name():
            self.stdout.write(f"This host is {host.save_name(hostname)} from the next start on.")
        domain_name = options["domain"] or ask("First mail domain (empty: later)", default="")
        if domain_name:
            provider = tenants.ensure_provider(actor=_SETUP)
            domain = domains.add(domain_name, tenant=provider, actor=_SETUP)
            self.stdout.write(f"Added {domain.name}. Its DNS needs these records:\n")
            self.stdout.write(expected.zone_file(expected.for_domain(domain)))


class _Questions:
    """Asks at a terminal; without one, takes the default."""

    def __init__(self, *, interactive: bool) -> None:
        self._interactive = interactive

    def __call__(self, question: str, *, default: str) -> str:
        if not self._interactive:
            return default
        answer = input(f"{question} [{default}]: " if default else f"{question}: ")
        return answer.strip() or default
