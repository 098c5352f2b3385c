"""Plain messages for tests, built by hand so that no code under test is involved."""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)


def mail(
    *,
    subject: str = "Lunch",
    sender: str = "Ada Lovelace <ada@outside.test>",
    to: str = "ann@example.test",
    body: str = "Shall we meet at noon?",
    message_id: str | None = None,
    references: str = "",
    extra: str = "",
    date: str = "Mon, 12 Oct 2026 10:00:00 +0000",
) -> bytes:
    """One text message with CRLF line ends; `extra` is more header lines."""
    id_ = message_id or f"m{next(_numbers)}@outside.test"
    lines = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {date}",
        f"Message-ID: <{id_}>",
    ]
    if references:
        ids = " ".join(f"<{one}>" for one in references.split())
        lines += [f"References: {ids}", f"In-Reply-To: {ids.split()[-1]}"]
    if extra:
        lines.append(extra)
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "", body, ""]
    return "\r\n".join(lines).encode()
