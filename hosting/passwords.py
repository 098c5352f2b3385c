"""What may be a password here, and the one that never is outside a demonstration."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from hosting.errors import BadPassword

DEMO_PASSWORD = "mailstead-demo"  # noqa: S105 - printed by `up --demo` for everybody to read
MAX_LENGTH = 1024  # hashing reads all of it
_LISTENERS = (
    "WEB_LISTEN",
    "HTTPS_LISTEN",
    "SUBMISSION_LISTEN",
    "SUBMISSIONS_LISTEN",
    "IMAP_LISTEN",
    "IMAPS_LISTEN",
    "POP3_LISTEN",
    "POP3S_LISTEN",
)


def check(password: str, *, name: str = "") -> None:
    """Raise BadPassword with every reason, one sentence each."""
    if not password:
        raise BadPassword(_("A password is missing."), field="password")
    if len(password) > MAX_LENGTH or "\x00" in password:
        raise BadPassword(_("That password is too long."), field="password")
    if name and password.lower() in {name.lower(), name.lower().partition("@")[0]}:
        raise BadPassword(_("The password must not be the name."), field="password")
    if is_refused(password):
        raise BadPassword(_("Everybody knows the demo password. Choose another."), field="password")
    try:
        validate_password(password)
    except ValidationError as error:
        raise BadPassword(" ".join(error.messages), field="password") from None


def is_refused(password: str) -> bool:
    """The demo password opens nothing as soon as anyone but this machine can reach a listener."""
    return password == DEMO_PASSWORD and not all(
        _is_loopback(host) for name in _LISTENERS for host, _port in getattr(settings, name, ())
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
