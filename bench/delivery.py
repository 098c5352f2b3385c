"""Mail that comes in: how soon a client that idles hears of it, and how much is taken a second."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable

from bench import corpus, machine, names, sets
from bench.cases import Figures, median, percentile
from bench.imap import Imap, Refused, opened
from bench.servers import PASSWORD, Server, address
from bench.together import in_processes, in_threads

_SENDER = f"sender@{names.SENDER_DOMAIN}"
_FROM = re.compile(rb"(?m)^From: .*\r\n(?:[ \t].*\r\n)*")
_MIME = re.compile(rb"(?mi)^(?:content-|mime-).*\r\n(?:[ \t].*\r\n)*")
_THREAD = re.compile(rb"(?mi)^(?:message-id|in-reply-to|references|subject):.*\r\n(?:[ \t].*\r\n)*")
_ID = b"ID-OF-THIS-ONE"
_ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY_CERTIFICATE.check_hostname = False
_ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE
_DOTS = re.compile(rb"(?m)^\.")


class Smtp:
    """One connection that sends; every answer must be the one expected. With `login`, over the submission port."""

    def __init__(self, server: Server, *, login: str = "", tls: bool = False) -> None:
        port = server.ports["submission" if login else "smtp"]
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._expect(b"220")
        self._ask(f"EHLO {names.CLIENT}".encode(), b"250")
        if tls:
            self._ask(b"STARTTLS", b"220")
            self._socket = _ANY_CERTIFICATE.wrap_socket(self._socket)
            self._file = self._socket.makefile("rb")
            self._ask(f"EHLO {names.CLIENT}".encode(), b"250")
        if login:
            plain = base64.b64encode(f"\0{login}\0{PASSWORD}".encode())
            self._ask(b"AUTH PLAIN " + plain, b"235")

    def _expect(self, code: bytes) -> None:
        line = self._file.readline()
        while line[3:4] == b"-":
            line = self._file.readline()
        if not line.startswith(code):
            raise Refused(line.decode(errors="replace").strip() or "the server hung up")

    def _ask(self, command: bytes, code: bytes) -> None:
        self._socket.sendall(command + b"\r\n")
        self._expect(code)

    def send(self, user: str, message: bytes, *, sender: str = _SENDER) -> None:
        """Returns at the 250 to the message."""
        self._ask(f"MAIL FROM:<{sender}>".encode(), b"250")
        self._ask(f"RCPT TO:<{address(user)}>".encode(), b"250")
        self._ask(b"DATA", b"354")
        self._socket.sendall(_DOTS.sub(b"..", message) + b".\r\n")
        self._expect(b"250")

    def close(self) -> None:
        self._socket.sendall(b"QUIT\r\n")
        self._file.close()
        self._socket.close()


def idle(samples: int) -> Callable[[Server], Figures]:
    """From SMTP's 250 to `* n EXISTS` on a connection that idles. Before the 250 counts as 0."""

    def measure(server: Server) -> Figures:
        waits, whole = [], []
        sender = Smtp(server)
        with opened(server, sets.IDLER, how="SELECT") as client:
            client.socket.settimeout(30)
            tag = client.idle()
            for number in range(samples):
                seen: list[float] = []
                watcher = threading.Thread(target=_watch, args=(client, seen), daemon=True)
                watcher.start()
                start = time.perf_counter()
                sender.send(sets.IDLER, corpus.message(number, corpus.SMALL))
                acked = time.perf_counter()
                watcher.join(30)
                if not seen:
                    raise Refused("no EXISTS within 30 seconds of the 250")
                waits.append(max(0.0, seen[0] - acked))
                whole.append(seen[0] - start)
                time.sleep(0.02)
            client.done(tag)
        sender.close()
        return {
            "p50_ms": median(waits) * 1000,
            "p99_ms": percentile(waits, 0.99) * 1000,
            "from_mail_p50_ms": median(whole) * 1000,
        }

    return measure


def _watch(client: Imap, seen: list[float]) -> None:
    while not client.line().rstrip().endswith(b" EXISTS"):
        pass
    seen.append(time.perf_counter())


def deliver(
    count: int, connections: int, *, size: int = 0, each: bool = False, signed: bool = False
) -> Callable[[Server], Figures]:
    """Messages accepted a second, and all of them in their mailboxes a second.

    Of `size` bytes (0: the small one of the corpus); `each`: a connection for each message.
    """

    pool = [_message(number, size, signed=signed) for number in range(20 if size < 1_000_000 else 2)]

    def measure(server: Server) -> Figures:
        # Whoever looks is signed in before the clock starts: a password's hash is not what is measured.
        watching = [Imap(server, user) for user in sets.SINKS]
        before = _messages(watching)
        share = count // connections
        cpu = machine.cpu_seconds(server.pids())

        def work(numbers: list[int]) -> None:
            in_threads(len(numbers), lambda n: _send(server, numbers[n], share, pool, each=each))

        start = time.perf_counter()
        clients = min(2, connections)
        _, accepted = in_processes([list(range(k, connections, clients)) for k in range(clients)], work)
        while _messages(watching) - before < share * connections:
            if time.perf_counter() - start > 120:
                raise Refused("mail that was accepted is not in its mailbox after two minutes")
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        used = machine.cpu_seconds(server.pids()) - cpu
        for each_one in watching:
            each_one.close()
        return {
            "per_s": share * connections / accepted,
            "visible_per_s": share * connections / seconds,
            "cpu_ms_each": used * 1000 / (share * connections),
        }

    return measure


def _message(number: int, size: int, *, signed: bool) -> bytes:
    """One that begins a conversation; `_ID` in it is to be replaced by an id of its own."""
    head, _, body = corpus.message(number, corpus.SMALL).partition(b"\r\n\r\n")
    if size:
        head = _MIME.sub(b"", head + b"\r\n").removesuffix(b"\r\n")
        line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
        body = line * (max(0, size - len(head)) // len(line))
    head = _THREAD.sub(b"", head + b"\r\n").removesuffix(b"\r\n")
    message = head + b"\r\nSubject: Note %d of today" % number + b"\r\n\r\n" + body
    if signed:
        message = _FROM.sub(f"From: Sender <{_SENDER}>\r\n".encode(), message, count=1)
        message = names.signed(message)
    return b"Message-ID: <" + _ID + b"@" + names.SENDER_DOMAIN.encode() + b">\r\n" + message


def _send(server: Server, number: int, count: int, pool: list[bytes], *, each: bool) -> None:
    client = Smtp(server)
    stamp = f"{time.time_ns():x}.{number}"
    for one in range(count):
        message = pool[one % len(pool)].replace(_ID, f"{stamp}.{one}".encode(), 1)
        client.send(sets.SINKS[(number + one) % len(sets.SINKS)], message)
        if each:
            client.close()
            if one < count - 1:
                client = Smtp(server)
    if not each:
        client.close()


def submit(count: int, *, tls: bool) -> Callable[[Server], Figures]:
    """Connect, (STARTTLS,) sign in, send, QUIT, as a mail program does it for each message."""

    def measure(server: Server) -> Figures:
        times = []
        for number in range(count):
            user = sets.SINKS[number % len(sets.SINKS)]
            own = f"From: {address(user)}\r\n".encode()
            message = _FROM.sub(own, corpus.message(number, corpus.SMALL), count=1)
            start = time.perf_counter()
            client = Smtp(server, login=address(user), tls=tls)
            client.send(sets.SINKS[(number + 1) % len(sets.SINKS)], message, sender=address(user))
            client.close()
            times.append(time.perf_counter() - start)
        return {"p50_ms": median(times) * 1000, "p95_ms": percentile(times, 0.95) * 1000}

    return measure


def _messages(watching: list[Imap]) -> int:
    return sum(client.messages("INBOX") for client in watching)
