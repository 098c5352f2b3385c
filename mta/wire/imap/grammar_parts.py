"""What the grammars of all kinds of commands share. Pure; see `grammar`."""

from __future__ import annotations

from collections.abc import Callable

from mta.wire.imap import commands as c
from mta.wire.imap.scanner import BadSyntax, Scanner

Parser = Callable[[Scanner], c.Command]
MAX_FLAGS = 100


def bare(command: type[c.Command]) -> Parser:
    return lambda scanner: command()


def of_mailbox(
    command: Callable[[str], c.Command],
) -> Parser:
    def parser(scanner: Scanner) -> c.Command:
        scanner.space()
        return command(scanner.mailbox())

    return parser


def bounded_flags(flags: tuple[str, ...]) -> tuple[str, ...]:
    if len(flags) > MAX_FLAGS or any(len(flag) > 200 for flag in flags):
        raise BadSyntax("Too many or too long flags")
    return flags
