"""`manage.py domain add|list|check|suspend|resume`: the panel's work, from a shell on the host."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from hosting import access, domains, names, tenants
from hosting.dns import check, expected
from hosting.dns.judge import GOOD
from hosting.management.terminal import COMMAND_LINE, plainly
from hosting.models import Domain, Tenant


class Command(BaseCommand):
    help = "Add and list domains, check their DNS, suspend and resume."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        add = verbs.add_parser("add", help="add a domain and print the DNS records it needs")
        add.add_argument("name")
        add.add_argument("--tenant", default="", help="the reseller or customer it belongs to, by name or id")
        add.add_argument("--alias-of", default="", help="a domain here that this is another name of")
        verbs.add_parser("list", help="list domains")
        checking = verbs.add_parser("check", help="compare a domain's DNS with what mail needs")
        checking.add_argument("name")
        for verb in ("suspend", "resume"):
            each = verbs.add_parser(verb, help=f"{verb} a domain")
            each.add_argument("name")
            each.add_argument("--reason", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        with plainly():
            getattr(self, f"_{options['verb']}")(options)

    def _add(self, options: dict[str, Any]) -> None:
        main = _domain(options["alias_of"]) if options["alias_of"] else None
        tenant = main.tenant if main else _tenant(options["tenant"])
        domain = domains.add(options["name"], tenant=tenant, alias_of=main, actor=COMMAND_LINE)
        self.stdout.write(f"Added {names.shown_domain(domain.name)}. Its DNS needs these records:\n")
        self.stdout.write(expected.zone_file(expected.for_domain(domain)))

    def _list(self, _options: dict[str, Any]) -> None:
        found = access.domains_for(COMMAND_LINE).select_related("tenant").order_by("name")
        for domain in found.annotate(holds=Count("accounts")):
            self.stdout.write("\t".join((domain.name, domain.state, str(domain.holds), domain.tenant.name)))

    def _check(self, options: dict[str, Any]) -> None:
        findings = check.run(_domain(options["name"]))
        for finding in findings:
            mark = "ok " if finding.state == GOOD else "-- "
            self.stdout.write(f"{mark} {finding.title}: {finding.said}")
            if finding.todo:
                self.stdout.write(f"     {finding.todo}")
        if any(finding.state != GOOD for finding in findings):
            raise CommandError("Some records are not as mail needs them.")

    def _suspend(self, options: dict[str, Any]) -> None:
        domain = _domain(options["name"])
        domains.suspend(domain, actor=COMMAND_LINE, reason=options["reason"])
        self.stdout.write(f"{domain.name} is suspended; its mail keeps arriving.")

    def _resume(self, options: dict[str, Any]) -> None:
        domain = _domain(options["name"])
        domains.resume(domain, actor=COMMAND_LINE, reason=options["reason"])
        self.stdout.write(f"{domain.name} is in force again.")


def _tenant(which: str) -> Tenant:
    if not which:
        return tenants.ensure_provider(actor=COMMAND_LINE)
    by_id = {"pk": int(which)} if which.isdigit() else {"name__iexact": which}
    found = list(access.tenants_for(COMMAND_LINE).filter(**by_id)[:2])
    if len(found) != 1:
        raise CommandError(f"{'More than one' if found else 'No'} tenant is called {which!r}; give its id.")
    return found[0]


def _domain(name: str) -> Domain:
    domain = domains.find(name)
    if domain is None:
        raise CommandError(f"{name} is not a domain here.")
    return domain
