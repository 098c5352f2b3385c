"""Old mailboxes that mail moves in from, and addresses elsewhere that people write from.

Passwords are sealed (hosting/sealing.py) and leave these rows only towards the host they belong to.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from hosting.sealing import seal, unseal

from .wire import TLS, Server


class Sealed(models.Model):
    """A server with a name and password."""

    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    tls = models.CharField(max_length=8, default=TLS)
    username = models.CharField(max_length=320)
    sealed_password = models.BinaryField()

    class Meta:
        abstract = True

    @property
    def server(self) -> Server:
        return Server(self.host, self.port, self.tls)

    @property
    def password(self) -> str:
        return unseal(self.sealed_password).decode()

    def set_password(self, password: str) -> None:
        self.sealed_password = seal(password.encode())


class Source(Sealed):
    """A mailbox at another host. The row is the truth: whoever has its lease works on it until the lease or the slice
    ends, and the next one goes on from what stands here and in its folders (webmail/moving/turns.py).
    """

    IMAP, POP3 = "imap", "pop3"
    MOVING, DONE, STOPPED, REFUSED = "moving", "done", "stopped", "refused"
    STATES = [(state, state) for state in (MOVING, DONE, STOPPED, REFUSED)]

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sources")
    mailspace = models.BigIntegerField()
    address = models.CharField(max_length=320)  # canonical
    protocol = models.CharField(max_length=4, default=IMAP)
    state = models.CharField(max_length=8, choices=STATES, default=MOVING)
    gmail = models.BooleanField(default=False)
    into = models.CharField(max_length=255, blank=True, default="")  # a label that everything goes below
    keep = models.BooleanField(default=False)  # fetch what arrives there from now on
    leave = models.BooleanField(default=True)  # POP3: what was fetched stays on the server
    label = models.CharField(max_length=255, blank=True, default="")  # for what arrives

    next_at = models.DateTimeField(null=True)  # null: nothing to do
    lease_until = models.DateTimeField(null=True)
    turn = models.BigIntegerField(default=0)  # raised by each worker that takes it
    failures = models.PositiveIntegerField(default=0)  # since it last worked
    refusals = models.PositiveSmallIntegerField(default=0)  # of the password, in a row
    problem = models.TextField(blank=True, default="")  # a sentence
    problem_at = models.DateTimeField(null=True)

    action = models.CharField(max_length=32)  # the journal's line for the whole move
    total = models.BigIntegerField(default=0)  # messages, of the folders looked into so far
    done = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0)  # brought
    there = models.BigIntegerField(default=0)  # here already
    left_out = models.BigIntegerField(default=0)  # too large, or not to be had
    made = models.PositiveIntegerField(default=0)  # labels
    unmade = models.PositiveIntegerField(default=0)  # labels that were too many
    arrived = models.BigIntegerField(default=0)  # fetched since the move was done
    fetched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "mailspace", "address", "protocol"], name="source_once"
            )
        ]
        indexes = [models.Index(fields=["next_at"], name="source_due")]

    def __str__(self) -> str:
        return f"{self.protocol} source {self.pk} of account {self.account_id}"


class SourceFolder(models.Model):
    """A folder there, fetched from its newest message down. `lowest` is the last UID that is here (0: none yet), `top`
    the highest that needs no look any more; `reached` is how far back in time it is (µs)."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="folders")
    rank = models.PositiveIntegerField()
    wire = models.BinaryField()
    name = models.CharField(max_length=1000)
    mailbox = models.CharField(max_length=255)
    use = models.CharField(max_length=12, blank=True, default="")
    late = models.BooleanField(default=False)  # others hold copies of what is in it
    uidvalidity = models.BigIntegerField(default=0)  # 0: not looked into yet
    top = models.BigIntegerField(default=0)
    lowest = models.BigIntegerField(default=0)
    reached = models.BigIntegerField(null=True)
    finished = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["source", "finished"], name="source_folder")]

    def __str__(self) -> str:
        return f"a folder of source {self.source_id}"


class Fetched(models.Model):
    """A message that was fetched, by the name it has there for good: Gmail's X-GM-MSGID, POP3's UIDL."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="fetched")
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "name"], name="fetched_once")]

    def __str__(self) -> str:
        return f"a message of source {self.source_id}"


class OutsideAddress(Sealed):
    """An address at another host that somebody here writes from, through its own SMTP server; not before a code that
    was sent there has come back."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="outside_addresses"
    )
    mailspace = models.BigIntegerField()
    address = models.CharField(max_length=320)  # canonical
    name = models.CharField(max_length=200, blank=True, default="")
    code = models.CharField(max_length=64, blank=True, default="")  # a hash
    code_until = models.DateTimeField(null=True)
    guesses = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "mailspace", "address"], name="outside_address")
        ]
        indexes = [models.Index(fields=["address"], name="outside_sender")]

    def __str__(self) -> str:
        return f"an outside address of account {self.account_id}"
