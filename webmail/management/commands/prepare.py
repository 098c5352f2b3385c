"""`manage.py prepare`: everything that has to be there before the processes start.

Creates or migrates the database, makes the self-signed certificate, compiles the translations, collects the
static files. May run any number of times, and on several hosts at once. With `--facts` it ends with one line of
JSON that tells `up` what it needs to know, so that settings are read in one place only.
"""

import fcntl
import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mta import metrics
from webmail import catalogues, static_files, tls

# Setting, what it carries, as `up` shows them.
_LISTENERS = (
    ("WEB_LISTEN", "Web mail and panel"),
    ("HTTPS_LISTEN", "Web mail and panel"),
    ("SMTP_LISTEN", "SMTP, incoming mail"),
    ("SUBMISSION_LISTEN", "Submission (STARTTLS)"),
    ("SUBMISSIONS_LISTEN", "Submission (TLS)"),
    ("IMAP_LISTEN", "IMAP (STARTTLS)"),
    ("IMAPS_LISTEN", "IMAP (TLS)"),
    ("POP3_LISTEN", "POP3 (STARTTLS)"),
    ("POP3S_LISTEN", "POP3 (TLS)"),
    ("LMTP_LISTEN", "LMTP"),
    ("METRICS_LISTEN", "Metrics"),
)


class Command(BaseCommand):
    help = "Create or migrate the database, make the first certificate, collect static files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facts", action="store_true", help="end with one line of JSON for `up`")
        parser.add_argument("--demo", action="store_true", help="mark an empty DATA_DIR as a demo")

    def handle(self, *, facts: bool, demo: bool, **options: Any) -> None:
        with (settings.DATA_DIR / "prepare.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            call_command("migrate", interactive=False, verbosity=0)
            empty = not get_user_model().objects.exists()
            if demo:
                self._mark_demo(empty)
            self._certificate()
            metrics.begin_anew(settings.DATA_DIR / "metrics")
            catalogues.compile_into(settings.DATA_DIR / "locale", folder=settings.BASE_DIR / "locale")
            if settings.COLLECT_STATIC:
                static_files.collect()
        if facts:
            self.stdout.write(json.dumps(self._facts(empty)))

    def _mark_demo(self, empty: bool) -> None:
        mark = settings.DATA_DIR / "demo"
        if mark.exists():
            return
        if not empty:
            raise CommandError(
                f"{settings.DATA_DIR} holds accounts that are not a demo. Start it with `up`, or name another"
                " folder for the demo in DATA_DIR."
            )
        mark.write_text(
            "This folder was filled by `manage.py up --demo`. It never sends to the real internet.\n"
        )

    def _certificate(self) -> None:
        try:
            tls.ensure_certificate(
                settings.TLS_CERT,
                settings.TLS_KEY,
                hostname=settings.MAIL_HOSTNAME,
                ours=settings.DATA_DIR / "tls",
            )
        except tls.MissingCertificate as missing:
            raise CommandError(str(missing)) from None

    def _facts(self, empty: bool) -> dict[str, Any]:
        return {
            "data_dir": str(settings.DATA_DIR),
            "public_url": settings.PUBLIC_URL,
            "empty": empty,
            "dns_servers": settings.DNS_SERVERS,
            "tls": [str(settings.TLS_CERT), str(settings.TLS_KEY)],
            "trusted_proxies": [str(network) for network in settings.TRUSTED_PROXIES],
            "listeners": [
                {"setting": setting, "name": name, "host": host, "port": port}
                for setting, name in _LISTENERS
                for host, port in getattr(settings, setting)
            ],
        }
