"""`manage.py sandbox`: the sandbox internet of a demonstration, in the foreground. Started by `up --demo`."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from mta.sandbox import main


def _endpoint(text: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # they would load every page of the product
    help = "Run the sandbox internet: a DNS and an SMTP server that stand for everybody outside, and a virus scanner."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        dns = settings.DNS_SERVERS[0] if settings.DNS_SERVERS else ("127.0.0.1", 5353)
        parser.add_argument("--dns", type=_endpoint, default=dns, metavar="HOST:PORT")
        parser.add_argument(
            "--smtp", type=_endpoint, default=("127.0.0.1", settings.RELAY_PORT), metavar="HOST:PORT"
        )
        parser.add_argument("--clamd", type=_endpoint, default=None, metavar="HOST:PORT")

    def handle(self, *args: Any, **options: Any) -> None:
        main.run(dns=options["dns"], smtp=options["smtp"], clamd=options["clamd"])
