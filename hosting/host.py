"""This host's own facts: its mail name, and the file where `/setup` keeps what it was told.

`DATA_DIR/mailstead.env` is read by settings at start; a name just saved counts here at once, so that
the records shown next are right, and everywhere else from the next start on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from hosting.errors import BadName
from hosting.names import domain_name

_LINE = re.compile(r"^([A-Z_]+)=(.*)$")


def name() -> str:
    """The host name mail is sent to and from: the target of every MX record."""
    return saved().get("MAIL_HOSTNAME") or str(settings.MAIL_HOSTNAME)


def likely_name() -> str:
    """The host name if others could know this host by it, else empty: `localhost` is everybody's name."""
    try:
        found = domain_name(name())
    except BadName:
        return ""
    return "" if found.startswith("localhost.") or found.endswith((".localdomain", ".arpa")) else found


def saved() -> dict[str, str]:
    """What `/setup` has kept."""
    try:
        text = _file().read_text()
    except FileNotFoundError:
        return {}
    return {match[1]: match[2].strip("'\"") for line in text.splitlines() if (match := _LINE.match(line))}


def save(**values: str) -> None:
    """Keep settings; lines that are not named stay as they are. Atomic, readable by the owner only."""
    for key, value in values.items():
        if not _LINE.match(f"{key}=") or any(c in value for c in "\r\n\0'\""):
            raise BadName(_("That cannot be kept as a setting."))
    kept = saved() | values
    draft = _file().with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{key}={value}\n" for key, value in sorted(kept.items())))
    draft.replace(_file())


def save_name(text: str) -> str:
    """Keep a new host name; returns it in canonical form."""
    try:
        canonical = domain_name(text)
    except BadName as error:
        raise BadName(str(error), field="hostname") from None
    save(MAIL_HOSTNAME=canonical)
    return canonical


def _file() -> Path:
    return Path(settings.DATA_DIR) / "mailstead.env"
