"""From the words of a command to its frozen value (RFC 3501 §9 and the extensions we announce).

Pure. `parse` is the only door. The words of each kind of command are in `grammar_session`, `grammar_mailboxes`
and `grammar_messages`, whose PARSERS and UID_PARSERS list every command there is. Raises BadSyntax with a text
for the client. Whether a command is allowed in the present state is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from mta.wire.imap import commands as c
from mta.wire.imap import grammar_mailboxes, grammar_messages, grammar_session
from mta.wire.imap.grammar_parts import Parser
from mta.wire.imap.scanner import BadSyntax, Scanner, Spooled

PARSERS: dict[str, Parser] = {
    **grammar_session.PARSERS,
    **grammar_mailboxes.PARSERS,
    **grammar_messages.PARSERS,
}
UID_PARSERS: dict[str, Parser] = grammar_messages.UID_PARSERS


def parse(
    texts: Sequence[bytes],
    literals: Sequence[bytes | Spooled],
    message: BinaryIO | None,
    *,
    utf8: bool = False,
) -> c.Command:
    """`texts` begin after the tag; `message` is the last literal of an APPEND, held apart."""
    scanner = Scanner(texts, literals, utf8=utf8)
    name = scanner.keyword("a command")
    if name == "APPEND":
        command: c.Command = grammar_messages.append(scanner, message)
    elif name == "UID":
        scanner.space()
        command = _known(UID_PARSERS, scanner.keyword("a command after UID"))(scanner)
    else:
        command = _known(PARSERS, name)(scanner)
    scanner.end()
    return command


def _known(parsers: dict[str, Parser], name: str) -> Parser:
    parser = parsers.get(name)
    if parser is None:
        raise BadSyntax("Unknown command")
    return parser
