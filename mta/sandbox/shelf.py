"""What arrived outside, as two files per message: the envelope as JSON and the message as it came.

The newest thousand are kept. Written by the sink, read by the page "Outside world".
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from mta.message.address import parse_addresses
from mta.message.headers import decode_text, first, parse_header, split_message
from mta.message.text import html_to_text
from mta.message.tree import decoded_text, parse_tree, walk
from mta.values import now_us

KEPT = 1000
_ID = re.compile(r"\d{16,20}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Kept:
    """One message outside. `sender` and `recipients` are the envelope's; times in µs."""

    id: str
    at: int
    sender: str
    recipients: tuple[str, ...]
    subject: str
    from_: str
    size: int
    tls: str
    message_id: str


class Shelf:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "mail"

    def add(self, raw: bytes, *, sender: str, recipients: tuple[str, ...], tls: str = "") -> Kept:
        """Keep a message; it is there for readers from the moment its envelope is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        at = now_us()
        fields = parse_header(raw[: split_message(raw)[0]])
        author = parse_addresses(first(fields, "from") or b"", 1)
        kept = Kept(
            id=f"{at:016d}-{secrets.token_hex(4)}",
            at=at,
            sender=sender,
            recipients=recipients,
            subject=decode_text(first(fields, "subject") or b"")[:500],
            from_=author[0].display if author else sender,
            size=len(raw),
            tls=tls,
            message_id=decode_text(first(fields, "message-id") or b"").strip("<> ")[:500],
        )
        (self._folder / f"{kept.id}.eml").write_bytes(raw)
        draft = self._folder / f"{kept.id}.new"
        draft.write_text(json.dumps(asdict(kept)))
        draft.replace(self._folder / f"{kept.id}.json")
        self._forget()
        return kept

    def newest(self, *, limit: int = 50, before: str = "") -> list[Kept]:
        """Newest first; `before` is the last id of the page before."""
        names = sorted((path.stem for path in self._folder.glob("*.json")), reverse=True)
        if before:
            names = [name for name in names if name < before]
        return [kept for name in names[:limit] if (kept := self.get(name)) is not None]

    def get(self, id: str) -> Kept | None:
        if not _ID.fullmatch(id):
            return None
        try:
            values = json.loads((self._folder / f"{id}.json").read_text())
        except FileNotFoundError:
            return None
        return Kept(**values | {"recipients": tuple(values["recipients"])})

    def raw(self, id: str) -> bytes:
        """The message's bytes; LookupError if it is not here."""
        if not _ID.fullmatch(id):
            raise LookupError(id)
        try:
            return (self._folder / f"{id}.eml").read_bytes()
        except FileNotFoundError:
            raise LookupError(id) from None

    def _forget(self) -> None:
        for path in sorted(self._folder.glob("*.json"))[:-KEPT]:
            path.unlink(missing_ok=True)
            path.with_suffix(".eml").unlink(missing_ok=True)


def text_of(raw: bytes) -> str:
    """What a person reads of a message, as plain text."""
    plain = html = ""
    for part in walk(parse_tree(raw)):
        if part.children or part.disposition == "attachment" or part.maintype != "text":
            continue
        if part.subtype == "plain" and not plain:
            plain = decoded_text(raw, part, limit=1 << 20)
        elif part.subtype == "html" and not html:
            html = decoded_text(raw, part, limit=1 << 20)
    return (plain or html_to_text(html)).replace("\r\n", "\n").strip()


def files_of(raw: bytes) -> list[str]:
    """The names of its files."""
    return [part.filename for part in walk(parse_tree(raw)) if part.filename and not part.children][:100]
