"""format=flowed (RFC 3676, DelSp=no): plain text whose paragraphs fit every window, and back again.

A line of the text given is a paragraph; written out, it is broken at spaces, and the space stays at the end of each
line that goes on. Lines that begin with `>` are quotations. Pure; takes time as long as the text.
"""

from __future__ import annotations

import re

WIDTH = 72  # RFC 3676 §4.2: of at most 78 with the marks of quotations before it
MAX_DEPTH = 40
SIGNATURE = "-- "  # RFC 3676 §4.3: never flowed, never joined

_MARKS = re.compile(r"(?:> ?)*>")


def flow(text: str) -> str:
    """A text of paragraphs as lines of at most 78 characters; a longer word has a line of its own."""
    lines: list[str] = []
    for paragraph in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        depth, rest = quoted(paragraph)
        marks = ">" * depth
        if rest == SIGNATURE:
            lines.append(f"{marks} {SIGNATURE}" if depth else SIGNATURE)
            continue
        lines += [marks + _stuffed(line, depth) for line in _broken(rest.rstrip(" "), WIDTH - depth)]
    return "\n".join(lines)


def quoted(line: str) -> tuple[int, str]:
    """(how deep a line is quoted, what it says); one space after the marks belongs to them."""
    marks = _MARKS.match(line)
    if marks is None:
        return 0, line
    depth = min(marks[0].count(">"), MAX_DEPTH)
    return depth, line[marks.end() :].removeprefix(" ")


def _broken(paragraph: str, width: int) -> list[str]:
    """Pieces that give the paragraph when they are joined; all but the last end with the space that says so."""
    pieces: list[str] = []
    start, end = 0, len(paragraph)
    while end - start > width:
        cut = paragraph.rfind(" ", start, start + width) + 1
        if cut <= start or not paragraph[start:cut].strip(" "):
            cut = paragraph.find(" ", start + width) + 1
        if not cut or paragraph[start:cut] == SIGNATURE:
            break
        pieces.append(paragraph[start:cut])
        start = cut
    return [*pieces, paragraph[start:]]


def _stuffed(line: str, depth: int) -> str:
    """RFC 3676 §4.4: a space before what would be read as something else, and after the marks of a quotation."""
    if depth:
        return f" {line}" if line else ""
    return f" {line}" if line.startswith((" ", ">", "From ")) else line


def unflow(text: str, *, delsp: bool = False) -> str:
    """Flowed text with the lines joined that its sender broke softly (RFC 3676 §4.1); `> ` before quoted ones."""
    out: list[str] = []
    soft_depth = -1  # the quote depth of the last line if that one goes on
    for line in text.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ")
        flows = body.endswith(" ") and body != SIGNATURE
        shown = body[:-1] if flows and delsp else body
        if soft_depth == depth and out and body != SIGNATURE:
            out[-1] += shown
        else:
            out.append(">" * depth + (" " if depth else "") + shown)
        soft_depth = depth if flows else -1
    return "\n".join(out)
