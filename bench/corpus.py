"""Deterministic mail like people's: the same bytes for every server, at every run, on every machine.

    message(i)                  message i of the realistic corpus, CRLF line ends
    message(i, SMALL)           the same kinds of mail in 1 to 2 KB, for mailboxes of a million
    message(i, WEB)             as REAL, but 7 conversations of 13 messages, most of them alone, as people have them
    message(i, WEB_SMALL)       both

Sizes follow what mailboxes hold (median about 4 KB, mean about 10 KB, up to 100 KB): plain text, text with
HTML, attachments, forwarded messages, lists, threads of four, encoded words and several charsets.

Mail comes in *blocks* of 10,000. Messages of different blocks are equal but for one token of fixed width
(`block_token`), which is part of every Message-ID and of the words `MARK` and `SUBJECT_MARK`. So a block is
made once, and any number of them by replacing bytes; and a search for the mark of one block has ten hits
however large the mailbox is.

Words to search for: RARE is in the body of one message in 1,000, COMMON in the body of every second,
SUBJECT_WORD in one subject in 50.
"""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from functools import cache

BLOCK = 10_000
REAL, SMALL, WEB, WEB_SMALL = "real", "small", "web", "web-small"
CONVERSATIONS = (1, 1, 1, 2, 1, 3, 4)
"""Messages of each, over and over, in the mailboxes that a browser opens."""
RARE, COMMON, SUBJECT_WORD = "zyzzogeton", "meeting", "Quarterly"
MARK, SUBJECT_MARK = "lodestar", "kestrel"  # each followed by the block's token
START = datetime(2019, 1, 1, 8, tzinfo=UTC)
STEP = timedelta(minutes=2)
SEEN_BUT = 10  # every tenth message is unread
FLAGGED_EVERY = 40

_WORDS = (
    "the of and to in a is that for it as was with be by on not he i this are or his from at which but have "
    "an had they you were their one all we can her has there been if more when will would who so no project "
    "budget review agenda invoice customer release schedule server update draft contract delivery question "
    "answer thanks regards attached please monday friday deadline estimate proposal feedback version report "
    "team office garden window kitchen river paper number letter story music winter summer bridge engine"
).split()
_RARE_WORDS = [
    "".join(random.Random(n).choices("bcdfghklmnprstvw", k=3))  # noqa: S311 - a corpus, not a secret
    + "".join(random.Random(n + 7).choices("aeiou", k=2))  # noqa: S311
    + str(n)
    for n in range(20_000)
]
_TOPICS = (
    "Project plan",
    "Budget review {n}",
    "Lunch on Friday",
    "Invoice 2024-{n}",
    "Release notes {n}",
    "Server maintenance",
    "Contract draft {n}",
    "Travel booking {n}",
    "Your order {n} has shipped",
    "Newsletter {n}",
    "Build failed: job {n}",
    "Weekly status {n}",
    "Holiday request",
    "Interview feedback",
)
_FOREIGN = (
    ("Überprüfung der Verträge", "Grüße aus München, größer als übermäßig.", ("iso-8859-1", "utf-8")),
    ("Réunion générale à Orléans", "Où êtes-vous ? Ça dépend de l'été.", ("windows-1252", "utf-8")),
    ("Zażółć gęślą jaźń", "Proszę o potwierdzenie, dziękuję.", ("iso-8859-2", "utf-8")),
    ("Отчёт за квартал", "Добрый день, высылаю документы.", ("koi8-r", "windows-1251", "utf-8")),
    ("会議のお知らせ", "お世話になっております。資料を添付いたします。", ("iso-2022-jp", "utf-8")),
    ("会议通知", "您好,请查收附件,谢谢。", ("gb18030", "utf-8")),
)
_PEOPLE = (
    "Anna Berg",
    "José Álvarez",
    "Li Wei",
    "Olga Ivanova",
    "Tom O'Neill",
    "Marie Dupont",
    "Müller, Hans",
    "Support Team",
    "Peter Novák",
    "Sam Jones",
    "build-bot",
)
_HOSTS = ("example.com", "corp.example.net", "lists.example.org")
_FILES = (
    ("application/pdf", "report.pdf"),
    ("image/jpeg", "photo.jpg"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "draft.docx"),
    ("application/zip", "files.zip"),
)
_BYTES = random.Random(7).randbytes(1 << 18)  # noqa: S311
_NOISE = base64.encodebytes(_BYTES).replace(b"\n", b"\r\n")
_LINE = 78


def block_token(block: int) -> str:
    """What tells one block's messages from another's: always six characters."""
    return f"zb{block:03}z"


def has_rare(i: int) -> bool:
    return i % 1000 == 7


def has_common(i: int) -> bool:
    return i % 2 == 1


def has_subject_word(i: int) -> bool:
    return i % 50 == 11


def has_mark(i: int) -> bool:
    """Ten of each block hold MARK in the body, and ten others SUBJECT_MARK in the subject."""
    return i % 1000 == 500


def has_subject_mark(i: int) -> bool:
    return i % 1000 == 600


def is_unread(i: int) -> bool:
    return i % SEEN_BUT == 3


def is_flagged(i: int) -> bool:
    return i % FLAGGED_EVERY == 5


def arrived(i: int) -> datetime:
    """INTERNALDATE of message i."""
    return START + STEP * i


def message(i: int, kind: str = REAL) -> bytes:
    """Message i of a corpus."""
    block, place = divmod(i, BLOCK)
    raw = _template(place, kind)
    return raw.replace(block_token(0).encode(), block_token(block).encode()) if block else raw


def messages(count: int, kind: str = REAL) -> Iterator[bytes]:
    return (message(i, kind) for i in range(count))


@cache
def _template(i: int, kind: str) -> bytes:
    return _Writer(i, kind).write()


def _place_in_thread(i: int) -> tuple[int, int]:
    """(conversation, how many of its messages came before) where conversations are of different lengths."""
    cycle, place = divmod(i, sum(CONVERSATIONS))
    for number, length in enumerate(CONVERSATIONS):
        if place < length:
            return cycle * len(CONVERSATIONS) + number, place
        place -= length
    raise AssertionError(place)


class _Writer:
    """One message of block 0."""

    def __init__(self, i: int, kind: str) -> None:
        self.i = i
        self.small = kind in (SMALL, WEB_SMALL)
        self.thread, self.depth = _place_in_thread(i) if kind in (WEB, WEB_SMALL) else divmod(i, 4)
        self.random = random.Random(i * 2654435761 + 5)  # noqa: S311
        common = random.Random(self.thread * 40503 + 99)  # noqa: S311 - the same for the whole thread
        self.topic = common.choice(_TOPICS).format(n=common.randrange(10_000))
        self.foreign = common.choice(_FOREIGN) if common.random() < 0.25 else None
        self.host = common.choice(_HOSTS)

    def write(self) -> bytes:
        charset = self.random.choice(self.foreign[2]) if self.foreign else "us-ascii"
        text = self._text()
        plain = self._part("plain", text, charset)
        choice = self.random.random()
        if choice < 0.45:
            top, body = plain
        else:
            top, body = self._multipart("alternative", [plain, self._part("html", self._html(text), charset)])
            if choice > 0.80 and not self.small:
                top, body = self._multipart("mixed", [(top, body), self._attachment(choice)])
        return self._head(charset) + top + b"\r\n" + body

    def _id(self, depth: int) -> str:
        return f"<{self.thread * 4 + depth}.{block_token(0)}@{self.host}>"

    def _person(self, number: int | None = None) -> str:
        n = self.random.randrange(800) if number is None else number
        name = _PEOPLE[n % len(_PEOPLE)]
        shown = f'"{name}"' if name.isascii() else Header(name, "utf-8").encode()
        return f"{shown} <person{n}@{_HOSTS[n % 3]}>"

    def _subject(self, charset: str) -> str:
        subject = self.foreign[0] if self.foreign else self.topic
        if has_subject_word(self.i):
            return f"{SUBJECT_WORD} {self.topic}"
        if has_subject_mark(self.i):
            return f"{self.topic} {SUBJECT_MARK}{block_token(0)}"
        if self.depth:
            subject = f"Re: {subject}"
        if subject.isascii():
            return subject
        return Header(subject, charset, header_name="Subject").encode(linesep="\r\n")

    def _head(self, charset: str) -> bytes:
        i, when = self.i, format_datetime(arrived(self.i))
        lines = [
            f"Return-Path: <person{i % 800}@{self.host}>",
            f"Received: from mx{i % 7}.{self.host} (mx{i % 7}.{self.host} [192.0.2.{i % 250}])\r\n"
            f"\tby in.bench.test with ESMTPS id {i:X}F00\r\n\tfor <someone@bench.test>; {when}",
        ]
        if i % 3 == 0 and not self.small:
            signature = "\r\n\t ".join(self._noise(312)[at : at + 70].decode() for at in (0, 78, 156, 234))
            lines.append(
                f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.host}; s=s1;\r\n"
                f"\th=from:to:subject:date; bh={self._noise(78)[:43].decode()}=;\r\n\tb={signature}"
            )
        lines += [f"Date: {when}", f"From: {self._person(i % 800)}", f"To: {self._person()}"]
        if i % 5 == 0:
            lines[-1] += f",\r\n\t{self._person()}"
        if i % 4 == 1:
            lines.append(f"Cc: {self._person()}")
        lines += [f"Subject: {self._subject(charset)}", f"Message-ID: {self._id(self.depth)}"]
        if self.depth:
            lines.append(f"In-Reply-To: {self._id(self.depth - 1)}")
            lines.append("References: " + "\r\n\t".join(self._id(depth) for depth in range(self.depth)))
        if i % 6 == 0:
            lines += [f"List-Id: Discussion <list{i % 9}.lists.example.org>", "Precedence: list"]
        lines += [f"X-Mailer: {('Thunderbird 115', 'Apple Mail', 'Outlook 16.0', 'mutt 2.2')[i % 4]}"]
        return "\r\n".join([*lines, "MIME-Version: 1.0", ""]).encode()

    def _text(self) -> str:
        size = 500 if self.small else int(min(self.random.lognormvariate(7.0, 0.9), 30_000))
        parts = [self._paragraphs(size)]
        if self.foreign:
            parts.append(self.foreign[1])
        if has_common(self.i):
            parts.append(f"The {COMMON} is at {self.i % 12 + 8}:00.")
        if has_rare(self.i):
            parts.append(f"The word is {RARE}, as said.")
        if has_mark(self.i):
            parts.append(f"Look for {MARK}{block_token(0)} there.")
        if self.depth and not self.small:
            quoted = self._paragraphs(300).replace("\r\n", "\r\n> ")
            parts.append(f"On Monday, someone wrote:\r\n> {quoted}")
        return "\r\n\r\n".join([*parts, "-- \r\nRegards\r\n"])

    def _paragraphs(self, size: int) -> str:
        lines: list[str] = []
        have = 0
        while have < size:
            words = self.random.choices(_WORDS, k=11)
            words[self.random.randrange(11)] = self.random.choice(_RARE_WORDS)
            line = " ".join(words)
            if self.random.random() < 0.15:
                line += ".\r\n"
            lines.append(line)
            have += len(line) + 2
        return "\r\n".join(lines)

    def _html(self, text: str) -> str:
        paragraphs = "".join(f"<p>{one}</p>\r\n" for one in text.split("\r\n\r\n"))
        return (
            "<html><head><style>p{margin:0 0 1em;font:14px sans-serif}</style></head><body>"
            f'{paragraphs}<a href="https://{self.host}/t/{self.thread}">{self.topic}</a></body></html>\r\n'
        )

    def _part(self, subtype: str, text: str, charset: str) -> tuple[bytes, bytes]:
        data = text.encode(charset, "replace")
        kind = self.random.random()
        if has_mark(self.i) or (charset == "us-ascii" and kind < 0.6) or charset == "iso-2022-jp":
            encoding = "8bit" if max(data) > 127 else "7bit"
        elif kind < 0.75:
            encoding = "quoted-printable"
            data = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        else:
            encoding, data = "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
        head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n"
        return head.encode(), data

    def _attachment(self, choice: float) -> tuple[bytes, bytes]:
        if choice > 0.98:
            inner = "Subject: forwarded\r\nFrom: a@example.com\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\n"
            return b"Content-Type: message/rfc822\r\n", (inner + "\r\nforwarded text\r\n").encode()
        type_, name = self.random.choice(_FILES)
        head = (
            f'Content-Type: {type_}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="{name}"\r\n'
        )
        return head.encode(), self._noise(int(min(self.random.lognormvariate(10.0, 0.8), 90_000)))

    def _noise(self, size: int) -> bytes:
        lines = max(1, size // _LINE)
        at = self.random.randrange(len(_NOISE) // _LINE - lines) * _LINE
        return _NOISE[at : at + lines * _LINE]

    def _multipart(self, subtype: str, parts: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        boundary = b"=_%06x%s" % (self.i, subtype[:1].encode())
        body = b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n" + data + b"\r\n" for head, data in parts)
        top = b'Content-Type: multipart/%s; boundary="%s"\r\n' % (subtype.encode(), boundary)
        return top, body + b"--" + boundary + b"--\r\n"
