"""What well-known mail programs usually send, one conversation each, in tests/mta/wire/transcripts/programs; and every
word of the large commands, in transcripts/words.

Written after the programs' public documentation, source and logs: the order of their commands, their spelling and
their habits (which list of header fields, peeks or not, silent stores, UIDs or numbers). The language is that of
test_imap_transcripts, and more:

S: * OK [UIDVALIDITY $(v)] ...   $(v) stands for letters and digits; where it was seen before, for the same ones
C: a SELECT INBOX (QRESYNC ($(v) 1))   what was seen may be said
C: a APPEND Sent {$size(note)}   followed by @send note: the size of a message, then the message, for odd spellings
@deliver INBOX note, @ring, @hangup   as there; the messages are in transcripts/messages/*.eml
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mta.mailstore import service as mailstore
from tests.mta.serve.imap_dialogue import CAUSE, Client, Server, serving

FOLDER = Path(__file__).parents[1] / "wire" / "transcripts"
WILD = re.compile(r"\.\.\.|\$\((\w+)\)")


def message(name: str) -> bytes:
    """A message as it travels: the files have the line ends of their folder, the wire has CRLF."""
    return (FOLDER / "messages" / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class Conversation:
    """One file: who speaks, what was seen so far."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._clients: dict[str, Client] = {}
        self._seen: dict[str, str] = {}

    def line(self, line: str) -> None:
        """Say it, direct it, or expect it."""
        if line.startswith("@"):
            self._direct(line[1:].split())
            return
        speaker, _, text = line.partition(":")
        text = text.removeprefix(" ")
        if speaker[0] == "C":
            self._say(self._client(speaker), text, must=speaker[-1] == "!")
        else:
            self._expect(text, self._client(speaker).expect_line())

    def _client(self, speaker: str) -> Client:
        who = speaker[1:].rstrip("!")
        if who not in self._clients:
            self._clients[who] = self._server.connect(greeting=speaker[0] == "C")
        return self._clients[who]

    def _say(self, client: Client, text: str, *, must: bool) -> None:
        text = re.sub(r"\$\((\w+)\)", lambda name: self._seen[name[1]], text)
        text = re.sub(r"\$size\((\w+)\)", lambda name: str(len(message(name[1]))), text)
        start, mark, name = text.partition(" <<")
        if must:
            client.ok(text)
        elif not mark:
            client.line(text)
        else:
            data = message(name.lstrip("+ "))
            waits = not name.startswith("+")
            client.line(f"{start} {{{len(data)}{'' if waits else '+'}}}")
            if waits:
                assert client.expect_line().startswith("+ ")
            client.send(data + b"\r\n")

    def _direct(self, words: list[str]) -> None:
        match words:
            case ["deliver", mailbox, name]:
                box = mailstore.mailbox(self._server.mailspace, mailbox)
                mailstore.append(self._server.mailspace, box.id, message(name), cause=CAUSE)
                self._server.ring()
            case ["send", name]:
                self._clients[""].send(message(name) + b"\r\n")
            case ["ring"]:
                self._server.ring()
            case ["hangup"]:
                assert self._clients[""].hung_up()
            case _:
                raise AssertionError(f"unknown direction {words}")

    def _expect(self, expected: str, got: str) -> None:
        pattern, at = "", 0
        names: list[str] = []
        for wild in WILD.finditer(expected):
            pattern += re.escape(expected[at : wild.start()])
            at = wild.end()
            if wild[1] is None:
                pattern += ".*"
            elif wild[1] in self._seen:
                pattern += re.escape(self._seen[wild[1]])
            else:
                names.append(wild[1])
                pattern += r"(\w+)"
        found = re.fullmatch(pattern + re.escape(expected[at:]), got)
        assert found, f"expected {expected!r}, got {got!r}"
        self._seen.update(zip(names, found.groups(), strict=True))


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted((FOLDER / "programs").glob("*.txt")), ids=lambda path: path.stem)
def test_the_program_is_answered_as_it_expects(path: Path) -> None:
    goes_as_written(path)


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted((FOLDER / "words").glob("*.txt")), ids=lambda path: path.stem)
def test_every_word_means_what_it_says(path: Path) -> None:
    goes_as_written(path)


def goes_as_written(path: Path) -> None:
    with serving() as server:
        conversation = Conversation(server)
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                try:
                    conversation.line(line)
                except AssertionError as error:
                    raise AssertionError(f"{path.name}:{number}: {error}") from error
