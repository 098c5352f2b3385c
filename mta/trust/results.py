"""Authentication-Results: writing ours, finding those that claim to be ours, reading others' (RFC 8601).

Only this host may write results under its name; a message that brings such a field along is relieved of it, whatever
comments, quotes, folds or capitals it is written with (§5). One that is too long for us to read, or whose comment or
quotes have no end, is read by others in their own way: it goes, too. Pure. Called by `trust.checks`, `trust.arc` and the flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mta.message.address import BadAddress, canonical_domain
from mta.message.headers import split_arrived, unfold

MOST_RESULTS = 60
LONGEST = 16_000
NAME = "authentication-results"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_VALUE = re.compile(r"[\w!#$%&'*+.^`{|}~@:/-]+")  # also what is in no need of quotes
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result with its properties, `(("smtp", "mailfrom", "ann@a.test"),)`."""

    method: str
    result: str
    properties: tuple[tuple[str, str, str], ...] = ()
    comment: str = ""


def written(host: str, found: Iterable[Result]) -> str:
    """The value of a field: the host's name, then one line for each result."""
    lines = [host]
    for each in found:
        line = f"{each.method}={each.result}"
        if each.comment:
            line += f" ({_comment(each.comment)})"
        for kind, name, value in each.properties:
            if value:
                line += f" {kind}.{name}={_quoted(value)}"
        lines.append(line)
    if len(lines) == 1:
        lines.append("none")  # §2.2: nothing was looked at
    return ";\r\n\t".join(lines)


def field(host: str, found: Iterable[Result]) -> bytes:
    """The whole field with its line end."""
    return f"Authentication-Results: {written(host, found)}\r\n".encode()


def _comment(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).translate(str.maketrans("()\\;", "[]/,"))[:200]


def _quoted(value: str) -> str:
    value = _UNPRINTABLE.sub("", value)[:320]
    if _VALUE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- reading -----------------------------------------------------------------------------------------------

_SKIPPED = re.compile(r"[ \t\r\n]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = re.compile(r"[^\s;=\"()]+")
_COMMENT_EDGE = re.compile(r"[()]|\\.", re.DOTALL)


class _Words:
    """The words of a value in turn: text, quoted text without its quotes, and the marks ; and =. `is_open`: a comment
    or quoted text that was come by has no end."""

    def __init__(self, text: str) -> None:
        self.text = text[:LONGEST]
        self.is_open = False

    def __iter__(self) -> Iterator[tuple[bool, str]]:
        text, at = self.text, 0
        while at < len(text):
            if text[at] == "(":
                at = self._comment_end(at)
            elif space := _SKIPPED.match(text, at):
                at = space.end()
            elif quoted := _QUOTED.match(text, at):
                self.is_open = self.is_open or quoted.end() == quoted.end(1)
                yield True, _ESCAPED.sub(r"\1", quoted[1])
                at = quoted.end()
            elif plain := _PLAIN.match(text, at):
                yield True, plain[0]
                at = plain.end()
            else:
                yield False, text[at]
                at += 1

    def _comment_end(self, at: int) -> int:
        depth = 0
        for edge in _COMMENT_EDGE.finditer(self.text, at):
            depth += {"(": 1, ")": -1}.get(edge[0], 0)
            if depth == 0:
                return edge.end()
        self.is_open = True
        return len(self.text)


def host_of(value: bytes) -> str:
    """Whose results they claim to be: the first word, canonical if it is a domain; '' if there is none."""
    text = unfold(value[:LONGEST]).decode("utf-8", "replace")
    for is_word, word in _Words(text):
        return _host(word) if is_word else ""
    return ""


def could_be_of(value: bytes, host: str) -> bool:
    """Whether anybody could take the results for `host`'s: its name stands there, or nobody can say what does."""
    if len(value) > LONGEST:
        return True
    words = _Words(unfold(value).decode("utf-8", "replace"))
    first = next(iter(words), (False, ""))
    return words.is_open or (first[0] and _host(first[1]) == _host(host))


def _host(text: str) -> str:
    try:
        return canonical_domain(text.strip().rstrip("."))
    except BadAddress:
        return text.strip().casefold()


def read(value: bytes) -> tuple[str, tuple[Result, ...]]:
    """(host, results) of a field's value, comments and properties that cannot be read left out. Never raises."""
    text = unfold(value[:LONGEST]).decode("utf-8", "replace")
    parts: list[list[tuple[bool, str]]] = [[]]
    for is_word, word in _Words(text):
        if not is_word and word == ";":
            parts.append([])
        else:
            parts[-1].append((is_word, word))
    host = _host(parts[0][0][1]) if parts[0] and parts[0][0][0] else ""
    found = [each for part in parts[1 : MOST_RESULTS + 1] if (each := _result(part)) is not None]
    return host, tuple(found)


def _result(words: list[tuple[bool, str]]) -> Result | None:
    """method [/version] = result, then ptype.property = value."""
    pairs = [
        (words[at - 1][1], words[at + 1][1])
        for at in range(1, len(words) - 1)
        if words[at] == (False, "=") and words[at - 1][0] and words[at + 1][0]
    ]
    if not pairs:
        return None
    method = pairs[0][0].partition("/")[0].lower()
    if not _TOKEN.fullmatch(method):
        return None
    properties = tuple(
        (kind.lower(), name.lower(), value)
        for key, value in pairs[1:]
        for kind, dot, name in [key.partition(".")]
        if dot
    )
    return Result(method, pairs[0][1].lower(), properties)


_FIELD = re.compile(
    rb"^authentication-results[ \t]*:([^\n]*\n?(?:[ \t][^\n]*\n?)*)", re.IGNORECASE | re.MULTILINE
)


def without_forged(raw: bytes, host: str) -> bytes:
    """The message without Authentication-Results that could be taken for this host's; else byte for byte as it came."""
    header_end, _ = split_arrived(raw)
    header = raw[:header_end]
    if NAME.encode() not in header.lower():
        return raw
    kept: list[bytes] = []
    at = 0
    for each in _FIELD.finditer(header):
        if could_be_of(each[1], host):
            kept.append(raw[at : each.start()])
            at = each.end()
    return b"".join((*kept, raw[at:])) if at else raw
