"""`manage.py demo`: fill an empty installation with demonstration data. `up --demo` calls it."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hosting import inbound
from hosting.actor import system
from hosting.dns.expected import for_domain, zone_file
from hosting.models import Domain
from mta.sandbox import visitors
from mta.sandbox.main import folder
from mta.sandbox.zone import Zone
from webmail.demo import world
from webmail.listen import is_loopback

LISTENERS = ("WEB", "HTTPS", "SMTP", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS", "POP3", "POP3S", "LMTP")


class Command(BaseCommand):
    help = "Fill an empty installation with demonstration accounts and mail."

    def handle(self, *args: object, **options: object) -> None:
        for name in LISTENERS:
            for host, _port in getattr(settings, f"{name}_LISTEN"):
                if not is_loopback(host):
                    raise CommandError(
                        f"{name}_LISTEN is open to the network ({host}); the demonstration's passwords are public,"
                        " so it only runs on loopback."
                    )
        if not world.is_empty():
            raise CommandError("There is data here already; the demonstration never goes over it.")
        world.build(lambda step: self.stdout.write(f"  {step}", ending="\n"))
        # One domain is as it should be in the sandbox's DNS; the customers' show what is to be done.
        domain = Domain.objects.get(name="example.test")
        zone = Zone(folder())
        zone.paste(zone_file(for_domain(domain)))
        # Mail that arrives as everybody's does; what is forged is held, so that people can look at it.
        inbound.set_policy(domain, replace(inbound.policy(domain), hold_forged=True), actor=system("demo"))
        zone.paste(visitors.invite(folder()))
