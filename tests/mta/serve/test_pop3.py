"""POP3 over real sockets: the store behind it, one session at a time, and clients that leave without a word."""

from __future__ import annotations

import poplib
import ssl
import time

import pytest

from mta.directory import MaildropOptions
from mta.mailstore import service as mailstore
from mta.mailstore.models import Mailspace
from mta.serve import maildrop
from mta.values import SEEN, Cause, now_us
from tests.eventually import eventually
from tests.mail import mail
from tests.sidecar import PASSWORD, FakeDirectory, RunningSidecar, Wire, put, stored


@pytest.fixture
def ann(people: FakeDirectory) -> int:
    return people.people["ann@example.test"]


def connect(
    sidecar: RunningSidecar, name: str = "ann@example.test", *, tls: ssl.SSLContext | None = None
) -> poplib.POP3:
    client = poplib.POP3(*sidecar.address("POP3_LISTEN"), timeout=10)
    if tls is not None:
        client.stls(tls)
    client.user(name)
    client.pass_(PASSWORD)
    return client


def hang_up(client: poplib.POP3) -> None:
    client.close()


def retrieved(client: poplib.POP3, number: int) -> bytes:
    return b"".join(line + b"\r\n" for line in client.retr(number)[1])


@pytest.mark.parametrize(
    "raw",
    [
        mail(),
        b"",
        b"\r\n",
        b".\r\n..\r\n...\r\n",
        b"Subject: 8-bit \xff\xfe\r\n\r\n\x80\x81\r\n",
        b"X: " + b"y" * 100 + b"\r\n\r\n" + (b"z" * 900 + b"\r\n") * 300,
        b"no header, no end",
    ],
)
def test_a_message_is_retrieved_as_it_was_stored(sidecar: RunningSidecar, ann: int, raw: bytes) -> None:
    put(ann, raw)
    client = connect(sidecar)
    assert retrieved(client, 1) == (raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n")
    assert client.stat() == (1, len(raw))
    client.quit()


def test_only_the_inbox_is_shown_and_ids_stay_the_same(sidecar: RunningSidecar, ann: int) -> None:
    first, second = put(ann, mail(subject="one")), put(ann, mail(subject="two"))
    archive = mailstore.mailbox_by_role(ann, "archive").id
    mailstore.append(ann, archive, mail(subject="old"), cause=Cause("imap", "a test"))
    for _ in range(2):
        client = connect(sidecar)
        assert client.uidl()[1] == [b"1 %d" % first, b"2 %d" % second]
        client.quit()


def test_deleted_messages_go_to_trash_at_quit(sidecar: RunningSidecar, ann: int) -> None:
    for subject in ("one", "two", "three"):
        put(ann, mail(subject=subject))
    client = connect(sidecar)
    client.dele(1)
    client.dele(3)
    assert len(stored(ann)) == 3
    client.quit()
    assert [b"two" in raw for raw in stored(ann)] == [True]
    assert len(stored(ann, "trash")) == 2


def test_a_client_that_vanishes_deletes_nothing_and_frees_the_mailbox(
    sidecar: RunningSidecar, ann: int
) -> None:
    put(ann, mail())
    client = connect(sidecar)
    client.dele(1)
    hang_up(client)
    deadline = time.monotonic() + 5
    while True:
        try:
            again = connect(sidecar)
            break
        except poplib.error_proto:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert again.stat()[0] == 1
    again.quit()


def test_a_second_session_is_told_that_the_mailbox_is_in_use(
    sidecar: RunningSidecar, people: FakeDirectory
) -> None:
    first = connect(sidecar)
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        connect(sidecar)
    connect(sidecar, "ben@example.test").quit()
    first.quit()
    connect(sidecar).quit()


def test_a_message_that_came_after_sign_in_waits_for_the_next_session(
    sidecar: RunningSidecar, ann: int
) -> None:
    client = connect(sidecar)
    put(ann, mail())
    assert client.stat()[0] == 0
    client.quit()
    client = connect(sidecar)
    assert client.stat()[0] == 1
    client.quit()


def test_a_message_that_is_gone_meanwhile_is_said_to_be_gone(sidecar: RunningSidecar, ann: int) -> None:
    message = put(ann, mail())
    client = connect(sidecar)
    mailstore.delete_messages(ann, [message], cause=Cause("web", "a test"))
    trash = mailstore.mailbox_by_role(ann, "trash").id
    mailstore.empty(ann, trash, cause=Cause("web", "a test"))
    try:
        client.retr(1)
    except poplib.error_proto as error:
        assert b"No such message" in error.args[0]
    client.dele(1)
    client.quit()


def test_wrong_passwords_and_unknown_names_sound_the_same(sidecar: RunningSidecar) -> None:
    answers = set()
    for name in ("ann@example.test", "nobody@example.test"):
        client = poplib.POP3(*sidecar.address("POP3_LISTEN"), timeout=10)
        client.user(name)
        with pytest.raises(poplib.error_proto) as refused:
            client.pass_("wrong")
        answers.add(refused.value.args[0])
        hang_up(client)
    assert answers == {b"-ERR [AUTH] Wrong name or password"}


def test_stls_and_the_tls_port(sidecar: RunningSidecar, ann: int, client_tls: ssl.SSLContext) -> None:
    put(ann, mail())
    client = poplib.POP3(*sidecar.address("POP3_LISTEN"), timeout=10)
    client.stls(client_tls)
    assert "STLS" not in client.capa()
    client.user("ann@example.test")
    client.pass_(PASSWORD)
    assert client.stat()[0] == 1
    client.quit()
    secured = poplib.POP3_SSL(*sidecar.address("POP3S_LISTEN"), timeout=10, context=client_tls)
    secured.user("ann@example.test")
    secured.pass_(PASSWORD)
    assert retrieved(secured, 1) == stored(ann)[0]
    secured.quit()


def test_commands_slipped_in_before_the_handshake_are_not_obeyed(
    sidecar: RunningSidecar, client_tls: ssl.SSLContext
) -> None:
    with Wire(sidecar.address("POP3_LISTEN"), greeting=False) as wire:
        wire.line()
        wire.send(b"STLS\r\nUSER ann@example.test\r\n")
        assert wire.line().startswith(b"+OK")
        wire.start_tls(client_tls)
        wire.send(b"PASS " + PASSWORD.encode() + b"\r\n")
        assert wire.line() == b"-ERR USER comes first\r\n"


def test_pipelined_commands_are_answered_in_order(sidecar: RunningSidecar, ann: int) -> None:
    put(ann, b"Subject: x\r\n\r\nhello\r\n")
    with Wire(sidecar.address("POP3_LISTEN"), greeting=False) as wire:
        wire.line()
        wire.send(
            f"USER ann@example.test\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n".encode()
        )
        lines = []
        while line := wire.line():
            lines.append(line)
    assert lines[2] == b"+OK 1 21\r\n"
    assert lines[4:8] == [b"Subject: x\r\n", b"\r\n", b"hello\r\n", b".\r\n"]
    assert lines[-1] == b"+OK Goodbye\r\n"
    assert stored(ann) == []


# --- what an account may choose


def test_deleted_for_good_is_not_in_trash(sidecar: RunningSidecar, people: FakeDirectory, ann: int) -> None:
    people.maildrop = MaildropOptions(erases=True)
    for subject in ("one", "two"):
        put(ann, mail(subject=subject))
    client = connect(sidecar)
    client.dele(2)
    client.quit()
    assert [b"one" in raw for raw in stored(ann)] == [True]
    assert stored(ann, "trash") == []


def test_retrieved_counts_as_read_only_where_the_account_wants_it(
    sidecar: RunningSidecar, people: FakeDirectory, ann: int
) -> None:
    for subject in ("one", "two", "three"):
        put(ann, mail(subject=subject))
    client = connect(sidecar)
    client.retr(1)
    client.quit()
    assert mailstore.mailbox_by_role(ann, "inbox").unseen == 3
    people.maildrop = MaildropOptions(marks_read=True)
    client = connect(sidecar)
    client.retr(2)
    client.top(3, 10)
    client.quit()
    inbox = mailstore.mailbox_by_role(ann, "inbox")
    assert [row.flags & SEEN for row in mailstore.changes(ann, inbox.id).rows] == [0, SEEN, 0]


def test_what_was_retrieved_counts_as_read_even_if_the_client_leaves_without_a_word(
    sidecar: RunningSidecar, people: FakeDirectory, ann: int
) -> None:
    people.maildrop = MaildropOptions(marks_read=True)
    put(ann, mail())
    client = connect(sidecar)
    client.retr(1)
    hang_up(client)
    eventually(lambda: mailstore.mailbox_by_role(ann, "inbox").unseen == 0, "it is read", within=5)


def test_only_the_newest_are_shown_in_their_order(
    sidecar: RunningSidecar, people: FakeDirectory, ann: int
) -> None:
    people.maildrop = MaildropOptions(newest=2)
    ids = [put(ann, mail(subject=str(number))) for number in range(5)]
    client = connect(sidecar)
    assert client.uidl()[1] == [b"1 %d" % ids[3], b"2 %d" % ids[4]]
    assert b"Subject: 3" in client.retr(1)[1]
    client.quit()


def test_a_mailbox_that_is_only_shared_is_not_opened(sidecar: RunningSidecar, people: FakeDirectory) -> None:
    people.rights = "organise"
    with pytest.raises(poplib.error_proto, match=r"\[SYS/PERM\]"):
        connect(sidecar)


# --- many messages, many processes


@pytest.mark.parametrize("secure", [False, True])
def test_messages_come_in_any_order(
    sidecar: RunningSidecar, ann: int, client_tls: ssl.SSLContext, secure: bool
) -> None:
    for number in range(130):
        put(ann, mail(subject=f"number {number}") + b"lorem ipsum\r\n" * (number * 311 % 1500))
    client = connect(sidecar, tls=client_tls if secure else None)
    for number in [*range(1, 131), 7, 8, 130, 1, 2, 3, 60]:
        assert b"Subject: number %d" % (number - 1) in client.retr(number)[1]
    assert b"Subject: number 4" in client.top(5, 0)[1]
    assert b"Subject: number 4" in client.retr(5)[1]
    client.quit()


def test_of_a_large_message_only_the_beginning_is_read_for_its_header(
    sidecar: RunningSidecar, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = mail(subject="large") + b"".join(b"%d lorem ipsum\r\n" % number for number in range(40_000))
    put(ann, raw)
    client = connect(sidecar)
    with monkeypatch.context() as patch:
        patch.setattr(mailstore, "raws", None)
        header = client.top(1, 0)[1]
    assert b"".join(line + b"\r\n" for line in header) == raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert len(client.top(1, 1)[1]) == len(header) + 1
    assert retrieved(client, 1) == raw
    client.quit()


def test_another_process_has_the_mailbox_until_it_lets_go_or_dies(sidecar: RunningSidecar, ann: int) -> None:
    assert mailstore.take_maildrop(ann, "another process")
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        connect(sidecar)
    mailstore.free_maildrop(ann, "another process")
    connect(sidecar).quit()
    assert mailstore.take_maildrop(ann, "one that died")
    Mailspace.objects.filter(id=ann).update(maildrop_until=now_us() - 1)
    client = connect(sidecar)
    assert not mailstore.take_maildrop(ann, "one that died")
    client.quit()


def test_a_session_keeps_its_lease(
    sidecar: RunningSidecar, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maildrop, "RENEW_SECONDS", 0.05)
    client = connect(sidecar)
    until = _until(ann)
    eventually(lambda: _until(ann) > until, "the lease was renewed", within=5)
    client.quit()
    assert _until(ann) == 0


def test_a_session_that_lost_its_lease_deletes_nothing(sidecar: RunningSidecar, ann: int) -> None:
    put(ann, mail())
    client = connect(sidecar)
    client.dele(1)
    Mailspace.objects.filter(id=ann).update(maildrop_holder="somebody else")
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\].*nothing was deleted"):
        client.quit()
    assert len(stored(ann)) == 1
    assert Mailspace.objects.get(id=ann).maildrop_holder == "somebody else"


def _until(mailspace: int) -> int:
    return Mailspace.objects.values_list("maildrop_until", flat=True).get(id=mailspace)


def test_at_the_end_clients_are_told(sidecar: RunningSidecar) -> None:
    with Wire(sidecar.address("POP3_LISTEN"), greeting=False) as wire:
        wire.line()
        sidecar.stop()
        assert wire.line().startswith(b"-ERR [SYS/TEMP]")
        assert wire.line() == b""
