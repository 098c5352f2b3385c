"""`manage.py serve_mail`: SMTP, submission, IMAP and POP3 in one process, or in several that share the ports."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mta.serve.listener import PortInUse
from mta.serve.main import CannotStart, serve


class Command(BaseCommand):
    help = "Serve SMTP, submission, IMAP and POP3 to mail servers and mail programs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--processes",
            type=int,
            default=settings.MAIL_PROCESSES,
            metavar="N",
            help="share the ports among N processes (default: MAIL_PROCESSES)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["processes"] < 1:
            raise CommandError("--processes takes a number from 1 up")
        try:
            serve(options["processes"])
        except (CannotStart, PortInUse) as error:
            raise CommandError(str(error), returncode=2) from error
