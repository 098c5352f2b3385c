"""The demonstration corpus: realistic mail for one mailbox, the same bytes at every run for a seed.

`demonstration(now)` yields several hundred letters of a person's last months, oldest first.
`colleague(now)` yields the little mail of another, `plain(count)` any number of plain ones for benchmarks. Pure: no database, no clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from webmail.demo import files, texts
from webmail.demo.letter import Letter
from webmail.demo.people import ANN, BEN, COLLEAGUES, COMPANIES, FRIENDS, LIST, NEWSLETTERS, Person
from webmail.demo.stories import stories

DAYS = 200


def demonstration(now: datetime, seed: int = 7) -> Iterator[Letter]:
    """Ann's mail of the last months, oldest first."""
    writer = _Writer(random.Random(seed), now)  # noqa: S311 - a corpus, not a secret
    letters = [
        *writer.conversations(26),
        *writer.foreign(),
        *writer.newsletters(60),
        *writer.companies(70),
        *writer.society(24),
        *writer.junk(),
        *writer.small_notes(60),
        *writer.recent(),
        *stories(writer._message, _bytes, now),
    ]
    yield from sorted(letters, key=lambda letter: letter.at)


def colleague(now: datetime, seed: int = 3) -> Iterator[Letter]:
    """Ben's mail of the last weeks, oldest first."""
    writer = _Writer(random.Random(seed), now)  # noqa: S311
    yield from sorted(writer.notes_to(BEN), key=lambda letter: letter.at)


def plain(count: int, *, seed: int = 1, to: str = "ann@example.test") -> Iterator[bytes]:
    """Plain messages of a few kilobytes for benchmarks, every tenth one a reply to the one before."""
    chance = random.Random(seed)  # noqa: S311
    vocabulary = sorted(
        {word for _, turns in texts.CONVERSATIONS for _, text in turns for word in text.split()}
    )
    before = ""
    for number in range(count):
        person = FRIENDS[number % len(FRIENDS)]
        subject = " ".join(chance.choices(vocabulary, k=5)).replace("\n", " ")
        message = EmailMessage()
        message["From"] = f"{person.name} <{person.email}>"
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number))
        message["Message-ID"] = f"<plain-{seed}-{number}@corpus.test>"
        if number % 10 == 9:
            message["In-Reply-To"] = message["References"] = before
        message.set_content("\n".join(" ".join(chance.choices(vocabulary, k=11)) for _ in range(24)))
        before = str(message["Message-ID"])
        yield _bytes(message)


class _Writer:
    """Writes letters; all chance comes from one generator, all times from one clock."""

    def __init__(self, chance: random.Random, now: datetime) -> None:
        self.chance = chance
        self.now = now
        self._number = 0

    # --- kinds of mail

    def conversations(self, count: int) -> Iterator[Letter]:
        for turn in range(count):
            subject, turns = texts.CONVERSATIONS[turn % len(texts.CONVERSATIONS)]
            if turn >= len(texts.CONVERSATIONS):
                month = (self.now - timedelta(days=turn * 6)).strftime("%B")
                subject = f"{subject} ({month})"
            circle = self.chance.sample((*FRIENDS, *COLLEAGUES), 3)
            start = self.now - timedelta(days=turn * DAYS / count + self.chance.random() * 4, hours=3)
            labels = (
                (("Work",) if any(one in COLLEAGUES for one in circle) else ("Family",))
                if turn % 3 == 0
                else ()
            )
            yield from self._conversation(subject, turns, circle, start, labels, unread=turn < 3)

    def _conversation(
        self,
        subject: str,
        turns: tuple[tuple[int, str], ...],
        circle: list[Person],
        start: datetime,
        labels: tuple[str, ...],
        *,
        unread: bool,
    ) -> Iterator[Letter]:
        cast = [ANN, *circle]
        involved = sorted({who for who, _ in turns})
        references: list[str] = []
        at, before = start, ""
        for place, (who, text) in enumerate(turns):
            sender = cast[who]
            others = [cast[one] for one in involved if one != who] or [ANN]
            message = self._message(sender, others, subject if not place else f"Re: {subject}", at)
            if references:
                message["In-Reply-To"] = references[-1]
                message["References"] = " ".join(references)
            references.append(str(message["Message-ID"]))
            body = f"{text}\n\n{sender.first}\n"
            if before:
                body += f"\n{before}"
            message.set_content(body)
            self._sometimes_html(message, body)
            self._attach(message, subject, place)
            quoted = "\n".join(f"> {line}" for line in text.splitlines())
            before = f"On {at:%d %b %Y}, {sender.name} wrote:\n{quoted}\n"
            if sender == ANN:
                yield Letter(_bytes(message), at, box="sent")
            else:
                last = place == len(turns) - 1
                yield Letter(
                    _bytes(message),
                    at,
                    seen=not (unread and last),
                    starred=place == 0 and "photo" in subject,
                    labels=labels,
                )
            at = min(at + timedelta(hours=self.chance.randint(1, 40)), self.now - timedelta(minutes=20))

    def foreign(self) -> Iterator[Letter]:
        writers = (8, 2, 3, 11, 1, -1, 4, 9, 7, 6)
        for place, (charset, subject, text) in enumerate(texts.LETTERS):
            sender = COLLEAGUES[4] if writers[place] < 0 else FRIENDS[writers[place]]
            at = self.now - timedelta(days=3 + place * 9, hours=place)
            message = self._message(sender, [ANN], subject, at)
            message.set_content(text, charset=charset)
            if "ото" in subject or "djęcia" in subject or "ordlys" in subject:
                for number in range(1, 3):
                    hue = 40 * place % 200
                    picture = files.png(320, 200, (hue, 120, 190), (230, 190 - hue // 2, 120))
                    message.add_attachment(picture, "image", "png", filename=f"IMG_{place}{number:02}.png")
            yield Letter(_bytes(message), at, seen=place > 1, labels=("Travel",) if place in (2, 6) else ())

    def newsletters(self, count: int) -> Iterator[Letter]:
        for number in range(count):
            sender = NEWSLETTERS[number % len(NEWSLETTERS)]
            topic, title, text = texts.NEWS[(number // 3 + number) % len(texts.NEWS)]
            at = self.now - timedelta(days=number * DAYS / count + 0.4)
            issue = 200 - number // len(NEWSLETTERS)
            message = self._message(sender, [ANN], f"{topic} (no. {issue})", at)
            message["List-Id"] = f"{sender.name} <{sender.email.replace('@', '.')}>"
            message["List-Unsubscribe"] = f"<https://{sender.email.split('@')[1]}/u/{issue}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message["Precedence"] = "bulk"
            message["DKIM-Signature"] = _signature(sender)
            message.set_content(
                f"{title}\n\n{text}\n\nRead on: https://{sender.email.split('@')[1]}/{issue}\n"
            )
            message.add_alternative(_newsletter(sender, topic, title, text, issue), subtype="html")
            yield Letter(_bytes(message), at, seen=number > 4 or number == 2, papers=("pass", "pass", "pass"))

    def companies(self, count: int) -> Iterator[Letter]:
        for number in range(count):
            which, subject, text = texts.BILLS[number % len(texts.BILLS)]
            sender = COMPANIES[which]
            at = self.now - timedelta(days=number * DAYS / count + 0.8, minutes=17 * number)
            values = {
                "n": f"{4817 + 13 * number}",
                "day": f"{at + timedelta(days=4):%A %d %B}",
                "month": f"{at:%B}",
                "amount": f"{38 + number % 9}.{40 + number % 50}",
            }
            message = self._message(sender, [ANN], subject.format(**values), at)
            message["Auto-Submitted"] = "auto-generated"
            body = text.format(**values)
            message.set_content(f"Hello Ann,\n\n{body}\n\n{sender.name}\n")
            message.add_alternative(_notice(sender, subject.format(**values), body), subtype="html")
            if "ticket" in subject or "bill" in subject:
                paper = files.pdf(sender.name, [subject.format(**values), "", *_wrapped(body)])
                message.add_attachment(
                    paper, "application", "pdf", filename=f"{sender.name.split()[0]}-{values['n']}.pdf"
                )
            box = "archive" if number % 4 == 3 else "inbox"
            yield Letter(
                _bytes(message),
                at,
                box=box,
                seen=number > 2,
                labels=("Receipts",) if number % 2 else (),
                papers=("pass", "pass", "pass"),
            )

    def society(self, count: int) -> Iterator[Letter]:
        for number in range(count):
            at = self.now - timedelta(days=number * DAYS / count + 1.2)
            sender = FRIENDS[(number * 5) % len(FRIENDS)]
            message = self._message(
                sender,
                [LIST],
                f"[allotments] {('Water', 'The big fork', 'Seed swap', 'Compost')[number % 4]}",
                at,
            )
            message["List-Id"] = "Allotment Society <members.allotments.test>"
            message["List-Post"] = "<mailto:members@allotments.test>"
            message.set_content(
                f"{texts.SOCIETY[number % 4]}\n\n{sender.first}\n\n-- \nAllotment Society, plot holders' list\n"
            )
            yield Letter(_bytes(message), at, seen=number > 1, labels=("Garden",))

    def junk(self) -> Iterator[Letter]:
        for number, (name, email, subject, text) in enumerate(texts.JUNK * 3):
            at = self.now - timedelta(days=2 + 2.3 * number)
            message = self._message(Person(name, email), [ANN], subject, at)
            message.set_content(text)
            reason = "it asks for money, and nobody vouches for its sender"
            papers = ("softfail", "none", "none")
            yield Letter(_bytes(message), at, box="junk", seen=number > 3, papers=papers, spam=reason)

    def small_notes(self, count: int) -> Iterator[Letter]:
        openings = (
            "Quick question",
            "Thursday",
            "Found this",
            "For your list",
            "A thank-you",
            "Change of plan",
        )
        lines = (
            "Do you still have the number of the man who repairs clocks?",
            "I have to move Thursday to Friday, same time, same place.",
            "Saw this and thought of you. No answer needed.",
            "Add lamp oil to the list, and string.",
            "Thank you for yesterday. The children talk of nothing else.",
            "The meeting is off, the room is flooded. We find another day.",
        )
        for number in range(count):
            sender = self.chance.choice((*FRIENDS, *COLLEAGUES))
            at = self.now - timedelta(days=8 + number * (DAYS - 8) / count, hours=self.chance.randint(0, 9))
            message = self._message(sender, [ANN], f"{openings[number % 6]}, {at:%d %B}", at)
            message.set_content(f"Ann,\n\n{lines[number % 6]}\n\n{sender.first}\n")
            yield Letter(
                _bytes(message), at, box="archive" if number % 2 else "inbox", starred=number % 17 == 0
            )

    def notes_to(self, reader: Person) -> Iterator[Letter]:
        """Short mail to somebody else than Ann; the newest three are not read yet."""
        for number, (who, subject, text) in enumerate(texts.NOTES):
            sender = (*FRIENDS, *COLLEAGUES, ANN)[who]
            at = self.now - timedelta(days=number * number / 5, hours=1 + number, minutes=7 * number)
            message = self._message(sender, [reader], subject, at)
            message.set_content(f"{reader.first},\n\n{text}\n\n{sender.first}\n")
            yield Letter(_bytes(message), at, seen=number > 2, starred=number == 4)

    def recent(self) -> Iterator[Letter]:
        """What lies on top of the inbox at the first look."""
        ada, emiko = FRIENDS[0], FRIENDS[3]
        at = self.now - timedelta(minutes=34)
        message = self._message(ada, [ANN], "The view from the new studio", at)
        picture = files.png(640, 360, (38, 84, 120), (236, 178, 120))
        text = "Look what I wake up to now. Come and see it before the scaffolding goes up.\n\nAda\n"
        message.set_content(text)
        message.add_alternative(
            '<p>Look what I wake up to now.</p><p><img src="cid:view@harbour-studio.test" alt="The harbour in the'
            ' morning" width="480"></p><p>Come and see it before the scaffolding goes up.</p><p>Ada</p>',
            subtype="html",
        )
        html = message.get_body(("html",))
        assert isinstance(html, EmailMessage)  # noqa: S101 - it was added two lines above
        html.add_related(
            picture,
            "image",
            "png",
            cid="<view@harbour-studio.test>",
            filename="view.png",
            disposition="inline",
        )
        yield Letter(_bytes(message), at, seen=False, starred=True)
        at = self.now - timedelta(hours=2, minutes=5)
        message = self._message(
            COLLEAGUES[1], [ANN, COLLEAGUES[0]], "Workshop plan: please read before Monday", at
        )
        message.set_content(
            "Both,\n\nthe plan, the numbers and the room drawings are attached. I need a yes or a no by Monday.\n\nNadia\n"
        )
        rows = [["Item", "Cost"], ["Room", "320"], ["Paper", "85"], ["Lunch", "240"]]
        message.add_attachment(
            files.pdf("Workshop plan", ["Morning: paper", "Noon: soup", "Afternoon: ink"]),
            "application",
            "pdf",
            filename="Workshop plan.pdf",
        )
        message.add_attachment(files.table(rows), "text", "csv", filename="Numbers.csv")
        message.add_attachment(
            files.archive({"room-1.txt": b"6 by 9 metres", "room-2.txt": b"5 by 7 metres"}),
            "application",
            "zip",
            filename="Rooms.zip",
        )
        yield Letter(_bytes(message), at, seen=False, labels=("Work",))
        at = self.now - timedelta(hours=5)
        message = self._message(emiko, [ANN], "Invitation: tea and maps", at)
        message.set_content("Would Thursday suit you? The invitation is attached.\n\nEmiko\n")
        start = (self.now + timedelta(days=4)).replace(hour=15, minute=0, second=0, microsecond=0)
        invite = files.invitation(
            "Tea and maps",
            start,
            emiko.email,
            ANN.email,
            "Emiko's garden",
            "tea-1@hanamail.test",
            organiser_name=emiko.name,
        )
        message.add_attachment(invite, "text", "calendar", filename="invite.ics")
        yield Letter(_bytes(message), at, seen=True, papers=("pass", "pass", "pass"))

    # --- parts

    def _message(self, sender: Person, to: list[Person], subject: str, at: datetime) -> EmailMessage:
        self._number += 1
        message = EmailMessage()
        message["From"] = f'"{sender.name}" <{sender.email}>'
        message["To"] = ", ".join(f'"{one.name}" <{one.email}>' for one in to)
        message["Subject"] = subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<demo-{self._number}-{at:%Y%m%d}@{sender.email.split('@')[1]}>"
        return message

    def _sometimes_html(self, message: EmailMessage, body: str) -> None:
        if self.chance.random() < 0.5:
            return
        own, _, quote = body.partition("\nOn ")
        html = "".join(f"<p>{part}</p>" for part in own.strip().split("\n\n"))
        if quote:
            lines = "<br>".join(line.removeprefix("> ") for line in quote.splitlines()[1:])
            html += f"<p>On {quote.splitlines()[0]}</p><blockquote>{lines}</blockquote>"
        message.add_alternative(f"<html><body>{html}</body></html>", subtype="html")

    def _attach(self, message: EmailMessage, subject: str, place: int) -> None:
        if "catalogue" in subject and place in (0, 4):
            message.add_attachment(
                files.pdf("Spring catalogue", ["Seeds", "Tools", "Books", "Prices to come"]),
                "application",
                "pdf",
                filename=f"Spring catalogue v{1 + place // 4}.pdf",
            )
        elif "Minutes" in subject and place == 0:
            message.add_attachment(
                files.pdf("Minutes", ["Present: everybody", "Open: the library"]),
                "application",
                "pdf",
                filename="Minutes.pdf",
            )
        elif "Budget" in subject and place == 0:
            message.add_attachment(
                files.table([["Line", "Plan", "Now"], ["Press", "9000", "8640"], ["Travel", "1200", "1180"]]),
                "text",
                "csv",
                filename="Budget.csv",
            )
        elif ("photograph" in subject and place == 0) or ("poster" in subject and place != 1):
            message.add_attachment(
                files.png(480, 320, (120, 92, 60), (220, 200, 170)),
                "image",
                "png",
                filename="scan-0417.png" if "photo" in subject else f"poster-{place}.png",
            )


def _signature(sender: Person) -> str:
    """A DKIM signature as it looks; nobody can check the signatures of domains that do not exist."""
    fields = "from:to:subject:date:message-id:list-unsubscribe:list-unsubscribe-post"
    domain = sender.email.split("@")[1]
    return f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=mail; h={fields}; bh=Zm9vYmFy; b=c2lnbmVk"


def _newsletter(sender: Person, topic: str, title: str, text: str, issue: int) -> str:
    """A table layout with colours and a remote picture, as newsletters have it."""
    colour = {"The Slow Letter": "#7a4a2b", "Garden Weekly": "#2f6b3a", "Tiny Tools": "#3a4a8a"}[sender.name]
    host = sender.email.split("@")[1]
    return f"""<html><head><style>.lead {{ font-size: 18px }} body {{ margin: 0 }}</style></head>
<body bgcolor="#f2efe8"><table width="100%" cellpadding="0" cellspacing="0" bgcolor="#f2efe8"><tr><td align="center">
<table width="600" cellpadding="24" cellspacing="0" bgcolor="#ffffff"><tr><td bgcolor="{colour}">
<font color="#ffffff" face="Georgia" size="5">{sender.name}</font></td></tr>
<tr><td><p style="color: {colour}; letter-spacing: 1px">{topic.upper()} &middot; NO. {issue}</p>
<h1 style="font-family: Georgia, serif">{title}</h1><p class="lead">{text}</p>
<img src="https://{host}/img/{issue}.jpg" width="552" height="240" alt="This week's picture">
<p>There is more of it on our pages, and less of it in your day, if you <a href="https://{host}/{issue}?utm_source=mail&amp;utm_campaign=n{issue}">read on</a>.</p>
<hr><p style="font-size: 12px; color: #777777">You get this because you asked for it. <a href="https://{host}/u/{issue}">Leave</a></p>
<img src="https://{host}/open.gif?u=ann" width="1" height="1" alt=""></td></tr></table></td></tr></table></body></html>"""


def _notice(sender: Person, subject: str, body: str) -> str:
    return f"""<html><body style="font-family: Helvetica, Arial, sans-serif"><div style="max-width: 560px; margin: 0 auto">
<h2 style="border-bottom: 2px solid #cccccc; padding-bottom: 8px">{sender.name}</h2><p>Hello Ann,</p>
<p><b>{subject}</b></p><p>{body}</p><p style="color: #666666; font-size: 12px">This mail was sent by a machine; it cannot read answers.</p></div></body></html>"""


def _wrapped(text: str, width: int = 80) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]


def _bytes(message: EmailMessage) -> bytes:
    """Bytes with CRLF and boundaries that are the same at every run."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_part-{number}-{message['Message-ID'].strip('<>').split('@')[0]}")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
