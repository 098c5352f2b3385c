"""What the administrator's commands share: errors as one sentence, passwords from standard input."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from django.core.management.base import CommandError

from hosting import accounts
from hosting.actor import Actor, system
from hosting.errors import HostingError
from hosting.models import Account
from mta.mailstore.errors import StoreError

COMMAND_LINE: Actor = system("command line")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what went wrong into the sentence it carries, without a traceback."""
    try:
        yield
    except (HostingError, StoreError) as error:
        raise CommandError(str(error)) from None


def account_with_mail(address: str) -> Account:
    """The account of an address, which has a mailbox."""
    account = accounts.find(address)
    if account is None:
        raise CommandError(f"There is no account {address}.")
    if account.mailspace is None:
        raise CommandError(f"{account.username} has no mailbox.")
    return account


def read_password(stdin: TextIO, *, asked_for: str) -> str:
    """One line of standard input; at a terminal, asked for twice and not shown."""
    if stdin is sys.stdin and stdin.isatty():
        first = getpass.getpass(f"Password for {asked_for}: ")
        if first != getpass.getpass("Once more: "):
            raise CommandError("The two passwords differ.")
        return first
    line = stdin.readline()
    if not line:
        raise CommandError("Give the password as one line on standard input.")
    return line.rstrip("\r\n")


def parse_quota(text: str) -> int:
    """`5 GB`, `500M`, `0` → bytes."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"{text!r} is not a size such as 5GB; 0 means no limit.")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def show_bytes(count: int, *, none: str = "-") -> str:
    """`5 GB`, `1.5 MB`; `none` for 0, which in quotas is no limit."""
    if not count:
        return none
    size, units = float(count), iter(("B", "KB", "MB", "GB"))
    for unit in units:
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TB"
