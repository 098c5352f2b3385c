"""IMAP read aloud: every file in tests/mta/wire/transcripts is a conversation with the server.

C: what the client says            C2:, S2: a second client of the same person
S: what the server must answer; `...` stands for anything within the line, `{name}` for a number that is
   then known: it stands for the same number wherever it comes again, in what a client says too
C: a APPEND INBOX << plain         a literal: the harness waits for "+" and sends the named message
C: a APPEND INBOX <<+ plain        the same without waiting (LITERAL+); `<<~ plain` and `<<~+ plain` are literal8
C: a APPEND INBOX << tiny <<+ big  several of them
@deliver INBOX plain               the store gets a message from elsewhere, and the bell rings
@forget                            the store compacts all tombstones, as upkeep does when they are old
@ring, @size 1000, @remote         ring the bell; MAX_MESSAGE_SIZE; the client is not on this machine
@hangup                            the server must have closed the connection
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mta.mailstore import service as mailstore
from mta.mailstore import upkeep
from mta.values import now_us
from tests.mta.serve.imap_dialogue import CAUSE, Client, Server, serving

FOLDER = Path(__file__).parents[1] / "wire" / "transcripts"
MESSAGES = {
    "plain": (
        b"From: Ada <ada@outside.test>\r\nTo: ann@example.test\r\nSubject: Lunch\r\n"
        b"Date: Mon, 12 Oct 2026 10:00:00 +0000\r\nMessage-ID: <m1@outside.test>\r\n"
        b"X-Colour: green\r\n\r\nShall we meet?\r\n"
    ),
    "other": (
        b"From: Ben <ben@example.test>\r\nTo: ann@example.test\r\nCc: cy@example.test\r\n"
        b"Subject: Numbers\r\nDate: Tue, 13 Oct 2026 10:00:00 +0000\r\nMessage-ID: <m2@example.test>\r\n"
        b"\r\nForty-two.\r\n"
    ),
    "parts": (
        b"From: Cy <cy@example.test>\r\nSubject: Parts\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\nhello\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\ninside\r\n"
        b"--b--\r\n"
    ),
    "encoded": (
        b"Subject: Encoded\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nCaf=C3=A9=\r\n!\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"
        b"--b\r\nContent-Type: application/x-own\r\nContent-Transfer-Encoding: x-own\r\n\r\n?!\r\n"
        b"--b--\r\n"
    ),
    # For SORT and THREAD: dates that differ from the order of arrival, names with and without accents.
    "reply": (
        "From: Zoë <zoe@outside.test>\r\nTo: Bob <bob@x.test>, ann@example.test\r\nSubject: Re: Lunch\r\n"
        "Date: Mon, 12 Oct 2026 12:00:00 +0000\r\nMessage-ID: <m3@outside.test>\r\n"
        "References: <m1@outside.test>\r\n\r\nYes!\r\n"
    ).encode(),
    "second_reply": (
        b"From: ben@example.test\r\nTo: ann@example.test\r\nCc: abe@example.test\r\nSubject: Re: Lunch\r\n"
        b"Date: Mon, 12 Oct 2026 11:00:00 +0000\r\nMessage-ID: <m4@example.test>\r\n"
        b"In-Reply-To: <m1@outside.test>\r\n\r\nNo." + b" No." * 50 + b"\r\n"
    ),
    "answer_to_nobody": (
        b"From: Eve <eve@outside.test>\r\nTo: ann@example.test\r\nSubject: Fwd: Numbers\r\n"
        b"Date: Wed, 14 Oct 2026 10:00:00 +0000\r\nMessage-ID: <m5@outside.test>\r\n"
        b"References: <never@seen.test> <nor@this.test>\r\n\r\nForty-three.\r\n"
    ),
    "empty": b"",
    "eight": "Subject: Grüße\r\n\r\nHallo Jörg\r\n".encode(),
    "nul": b"Subject: bad\r\n\r\n\0\r\n",
    "tiny": b"\r\nhi",
    "big": b"Subject: big\r\n\r\n" + b"x" * 2000,
}


def _pattern(expected: str) -> re.Pattern[str]:
    written = ".*".join(re.escape(piece) for piece in expected.split("..."))
    return re.compile(re.sub(r"\\\{([a-z]+)\\\}", r"(?P<\1>[0-9]+)", written))


def _filled(text: str, known: dict[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda found: known.get(found[1], found[0]), text)


_LITERAL = re.compile(r"<<(~?)(\+?) ?(\w+)")


def _say(client: Client, text: str) -> None:
    end = 0
    for found in _LITERAL.finditer(text):
        binary, plus, name = found.groups()
        data = MESSAGES[name]
        client.line(f"{text[end : found.start()]}{binary}{{{len(data)}{plus}}}")
        if not plus:
            assert client.expect_line().startswith("+ ")
        client.send(data)
        end = found.end()
    client.line(text[end:])


def _direct(server: Server, words: list[str], clients: dict[str, Client]) -> None:
    match words:
        case ["@deliver", mailbox, name]:
            box = mailstore.mailbox(server.mailspace, mailbox)
            mailstore.append(server.mailspace, box.id, MESSAGES[name], cause=CAUSE)
            server.ring()
        case ["@forget"]:
            later = now_us() + 100 * upkeep.DAY
            upkeep.purge_messages(now=later)
            assert upkeep.compact_tombstones(now=later)
        case ["@ring"]:
            server.ring()
        case ["@quota", number]:
            mailstore.set_quota(server.mailspace, int(number))
        case ["@remote"]:
            server.peer = "192.0.2.7"
        case ["@hangup"]:
            assert clients[""].hung_up()
        case _:
            raise AssertionError(f"unknown direction {words}")


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(path: Path) -> None:
    clients: dict[str, Client] = {}
    known: dict[str, str] = {}
    with serving() as server:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("@"):
                _direct(server, line.split(), clients)
                continue
            speaker, _, text = line.partition(":")
            text = _filled(text.removeprefix(" "), known)
            who = speaker[1:].rstrip("!")
            if who not in clients:
                clients[who] = server.connect(greeting=False)
                if speaker[0] == "C":
                    clients[who].expect_line()
            if speaker[-1] == "!":
                clients[who].ok(text)
            elif speaker[0] == "C":
                _say(clients[who], text)
            else:
                got = clients[who].expect_line()
                found = _pattern(text).fullmatch(got)
                assert found, f"{path.name}:{number}: expected {text!r}, got {got!r}"
                known |= found.groupdict()
