"""What programs are written with: imaplib, poplib, smtplib and imapclient, plain, over STARTTLS and TLS."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
from email.message import EmailMessage

import pytest
from imapclient import IMAPClient

from tests.clients.conftest import Person

WAYS = ("plain", "starttls", "tls")


def _imap(person: Person, way: str, trusting: ssl.SSLContext) -> imaplib.IMAP4:
    if way == "tls":
        return imaplib.IMAP4_SSL(person.host, person.port("imaps"), ssl_context=trusting, timeout=20)
    client = imaplib.IMAP4(person.host, person.port("imap"), timeout=20)
    if way == "starttls":
        assert client.starttls(trusting)[0] == "OK"
    return client


@pytest.mark.parametrize("way", WAYS)
def test_imaplib_reads_flags_appends_moves_and_removes(
    person: Person, letters: list[bytes], trusting: ssl.SSLContext, way: str
) -> None:
    person.receives(*letters)
    with _imap(person, way, trusting) as client:
        client.login(person.address, person.password)
        assert client.select() == ("OK", [b"%d" % len(letters)])
        bodies = [part[1] for part in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(part, tuple)]
        assert all(body.endswith(raw) for body, raw in zip(bodies, letters, strict=True))
        assert client.search(None, "SUBJECT", '"Letter 3"')[1] == [b"3"]
        client.store("3", "+FLAGS", "(\\Flagged)")
        assert client.search(None, "FLAGGED", "UNSEEN")[1] == [b"3"]
        assert client.append("Archive", "(\\Seen)", None, letters[1])[0] == "OK"
        client.copy("1:2", "Archive")
        client.uid("MOVE", "3", "Archive")
        client.store("1", "+FLAGS", "(\\Deleted)")
        assert client.expunge()[0] == "OK"
        assert client.status("Archive", "(MESSAGES)")[1] == [b"Archive (MESSAGES 4)"]
        assert client.status("INBOX", "(MESSAGES)")[1] == [b"INBOX (MESSAGES %d)" % (len(letters) - 2)]
    assert person.messages("Archive")[0] == letters[1]


@pytest.mark.parametrize("way", WAYS)
def test_poplib_reads_and_deletes(
    person: Person, letters: list[bytes], trusting: ssl.SSLContext, way: str
) -> None:
    person.receives(*letters[:3])
    client: poplib.POP3
    if way == "tls":
        client = poplib.POP3_SSL(person.host, person.port("pop3s"), context=trusting, timeout=20)
    else:
        client = poplib.POP3(person.host, person.port("pop3"), timeout=20)
        if way == "starttls":
            client.stls(trusting)
    client.user(person.address)
    client.pass_(person.password)
    assert client.stat()[0] == 3
    names = [line.split()[1] for line in client.uidl()[1]]  # type: ignore[union-attr]
    assert len(set(names)) == 3
    for number, raw in enumerate(letters[:3], 1):
        lines = client.retr(number)[1]
        assert (b"\r\n".join(lines) + b"\r\n").endswith(raw)
    assert b"Subject: Letter 1" in client.top(1, 0)[1]
    client.dele(2)
    client.quit()
    assert [raw.endswith(kept) for raw, kept in zip(person.messages(), (letters[0], letters[2]), strict=True)]


@pytest.mark.parametrize("way", WAYS)
def test_smtplib_sends(person: Person, friend: Person, trusting: ssl.SSLContext, way: str) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = person.address, friend.address, f"Over {way}"
    letter.set_content("Grüße, auf verschiedenen Wegen.\n")
    client: smtplib.SMTP
    if way == "tls":
        client = smtplib.SMTP_SSL(person.host, person.port("submissions"), context=trusting, timeout=20)
    else:
        client = smtplib.SMTP(person.host, person.port("submission"), timeout=20)
    with client:
        if way == "starttls":
            client.starttls(context=trusting)
        client.login(person.address, person.password)
        assert client.send_message(letter) == {}
    (raw,) = friend.messages()
    assert f"Subject: Over {way}".encode() in raw


def test_imapclient_waits_with_idle_and_sees_what_others_do(
    person: Person, letters: list[bytes], trusting: ssl.SSLContext
) -> None:
    with IMAPClient(person.host, person.port("imaps"), ssl=True, ssl_context=trusting, timeout=20) as client:
        client.login(person.address, person.password)
        client.select_folder("INBOX")
        client.idle()
        person.receives(letters[0])
        assert (1, b"EXISTS") in _said(client, b"EXISTS")
        with person.mailbox(readonly=False) as other:
            other.store("1", "+FLAGS", "(\\Seen \\Deleted)")
            assert any(b"\\Seen" in str(each).encode() for each in _said(client, b"FETCH"))
            other.expunge()
        assert (1, b"EXPUNGE") in _said(client, b"EXPUNGE")
        client.idle_done()
        assert client.search() == []


def _said(client: IMAPClient, word: bytes) -> list[tuple[object, ...]]:
    """What the server tells until an untagged response of this kind came."""
    heard: list[tuple[object, ...]] = []
    for _wait in range(20):
        heard += client.idle_check(timeout=1)
        if any(word in each for each in heard):
            return heard
    raise AssertionError(f"never heard {word!r}, only {heard}")
