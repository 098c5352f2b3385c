"""The sandbox internet as a whole: looked up, written to, and answering, over real sockets."""

import asyncio
import smtplib
import threading
import time
from email import message_from_bytes

import pytest

from mta import directory
from mta.resolver import NO_DATA, Dns, Mx
from mta.sandbox import post, sink
from mta.sandbox.main import Sandbox, folder
from mta.sandbox.post import NotDelivered
from mta.sandbox.shelf import Shelf, files_of, text_of
from mta.sandbox.zone import Zone
from tests.fake_directory import FakeDirectory
from tests.mail import mail
from tests.scripted_sink import ScriptedSink


class Loop:
    """An event loop in a thread, as the sandbox's process has one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def us(loop, settings):
    """Our own SMTP door, played by a scripted sink."""
    made = ScriptedSink()
    loop.do(made.__aenter__())
    settings.SMTP_LISTEN = [("127.0.0.1", made.port)]
    yield made
    loop.do(made.__aexit__())


@pytest.fixture
def sandbox(loop, us, settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    settings.TLS_CERT = tmp_path / "none"
    settings.MAIL_HOSTNAME = "mail.a.test"
    monkeypatch.setattr(sink, "ECHO_AFTER", 0.01)
    made = Sandbox(dns=("127.0.0.1", 0), smtp=("127.0.0.1", 0))
    with directory.use(FakeDirectory({"ann@a.test": 1})):
        loop.do(made.start())
        yield made
        loop.do(made.stop())


def send(sandbox, recipient, raw=None, sender="ann@a.test"):
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as smtp:
        return smtp.sendmail(sender, [recipient], raw or mail(sender=sender, to=recipient))


def refusal(sandbox, recipient, raw=None):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(sandbox, recipient, raw)
    return refused.value.recipients[recipient][0]


@pytest.mark.django_db
def test_the_world_can_be_looked_up_and_our_domains_need_their_records(sandbox):
    dns = Dns([sandbox.dns], cached=False)
    assert asyncio.run(dns.mx("anywhere.example")).values == (Mx(10, "mx.anywhere.example"),)
    assert asyncio.run(dns.addresses("mx.anywhere.example")).values == ("127.0.0.1",)
    assert asyncio.run(dns.mx("a.test")).status == NO_DATA
    Zone(folder()).paste("a.test. 60 IN MX 10 mail.a.test.")
    assert asyncio.run(dns.mx("a.test")).values == (Mx(10, "mail.a.test"),)
    assert asyncio.run(dns.ptr("127.0.0.1")).values == ("mail.a.test",)


@pytest.mark.django_db
def test_what_is_sent_outside_arrives_and_can_be_read(sandbox):
    raw = mail(sender="ann@a.test", to="carl@outside.test", subject="Grüße", body="line\r\n.dot\r\nend")
    send(sandbox, "carl@outside.test", raw)
    shelf = Shelf(folder())
    (kept,) = shelf.newest()
    assert (kept.sender, kept.recipients, kept.subject) == ("ann@a.test", ("carl@outside.test",), "Grüße")
    assert shelf.raw(kept.id) == raw
    assert text_of(shelf.raw(kept.id)) == "line\n.dot\nend"
    assert files_of(raw) == []
    assert shelf.get("../../etc/passwd") is None


@pytest.mark.django_db
def test_echo_answers_into_the_same_conversation(sandbox, us):
    send(
        sandbox, "echo@outside.test", mail(sender="Ann <ann@a.test>", subject="Lunch", message_id="q1@a.test")
    )

    until = time.monotonic() + 10
    while not us.messages and time.monotonic() < until:
        time.sleep(0.01)
    assert any("FROM:<echo@outside.test>" in command for command in us.commands)
    assert any("TO:<ann@a.test>" in command for command in us.commands)
    reply = message_from_bytes(us.messages[0])
    assert (reply["Subject"], reply["In-Reply-To"], reply["References"]) == (
        "Re: Lunch", "<q1@a.test>", "<q1@a.test>",
    )  # fmt: skip
    assert "> Shall we meet at noon?" in reply.get_payload()


@pytest.mark.django_db
def test_echo_does_not_answer_what_is_automatic_or_from_nobody(sandbox, us):
    send(sandbox, "echo@outside.test", mail(sender="ann@a.test", extra="Auto-Submitted: auto-replied"))
    send(sandbox, "echo@outside.test", sender="")
    assert len(Shelf(folder()).newest()) == 2
    assert us.sessions == 0


@pytest.mark.django_db
def test_slow_defers_each_message_once_and_full_is_always_full(sandbox):
    first, second = mail(sender="ann@a.test", body="1"), mail(sender="ann@a.test", body="22")
    assert refusal(sandbox, "slow@outside.test", first) == 451
    assert refusal(sandbox, "slow@outside.test", second) == 451
    assert send(sandbox, "slow@outside.test", first) == {}
    assert send(sandbox, "slow@outside.test", second) == {}
    assert refusal(sandbox, "full@outside.test") == 552
    assert refusal(sandbox, "nobody@outside.test") == 550
    assert len(Shelf(folder()).newest()) == 2


@pytest.mark.django_db
def test_the_outside_world_does_not_take_mail_for_inside(sandbox):
    assert refusal(sandbox, "ann@a.test") == 550


@pytest.mark.django_db
def test_a_person_outside_can_write_and_hears_a_refusal_in_words(us, loop):
    raw = post.letter(sender="carl.winter@outside.test", recipient="ann@a.test", subject="Hi", text="Hello")
    post.deliver(raw, sender="carl.winter@outside.test", recipient="ann@a.test")
    message = message_from_bytes(us.messages[0])
    assert (message["From"], message["To"]) == ("Carl Winter <carl.winter@outside.test>", "ann@a.test")
    us._script["RCPT"] = ["550 5.1.1 There is no such address here"]
    with pytest.raises(NotDelivered, match=r"^There is no such address here$"):
        post.deliver(raw, sender="carl@outside.test", recipient="who@a.test")


def test_only_the_newest_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("mta.sandbox.shelf.KEPT", 3)
    shelf = Shelf(tmp_path)
    for number in range(5):
        shelf.add(mail(subject=str(number)), sender="", recipients=("x@y.test",))
    newest = shelf.newest()
    assert [kept.subject for kept in newest] == ["4", "3", "2"]
    assert [kept.subject for kept in shelf.newest(before=newest[0].id)] == ["3", "2"]
    assert len(list((tmp_path / "mail").iterdir())) == 6
