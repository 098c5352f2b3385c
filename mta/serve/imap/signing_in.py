"""Commands about the connection itself: who the client is, encryption, signing in (RFC 3501 §6.1, §6.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mta import directory
from mta.serve.imap.replies import Answered, Bad, Goodbye, No, Ok
from mta.serve.imap.session import Session
from mta.wire import sasl
from mta.wire.imap import commands as c
from mta.wire.imap import engine as e
from mta.wire.imap import responses

log = logging.getLogger(__name__)

MOST_FAILURES = 6
OUR_ID = (("name", "Mailstead"), ("vendor", "Mailstead"))


async def capability(session: Session, command: c.Capability) -> Ok:
    session.send(responses.untagged(session.capabilities_code()))
    return Ok("That is what there is")


async def noop(session: Session, command: c.Noop) -> Ok:
    return Ok("Done")


async def logout(session: Session, command: c.Logout) -> Ok:
    await session.deselect()
    session.send(responses.status("*", "BYE", "Until next time"))
    return Ok("Goodbye")


async def id_(session: Session, command: c.Id) -> Ok:
    """RFC 2971. The client's name goes into the journal, so that people see which program changed what."""
    names = {name.lower(): value for name, value in command.fields}
    shown = "".join(letter for letter in names.get("name", "") if letter.isprintable())[:60].strip()
    if shown:
        session.client = shown
    ours = b" ".join(responses.quoted(word.encode()) for pair in OUR_ID for word in pair)
    session.send(responses.untagged(b"ID (" + ours + b")"))
    return Ok("Pleased to meet you")


async def start_tls(session: Session, command: c.StartTls) -> Ok:
    if session.context.is_tls:
        raise Bad("The connection is encrypted already")
    if session.context.tls_context is None:
        raise No("TLS is not available now", b"UNAVAILABLE")
    session.send(responses.status(session.tag, "OK", "Begin TLS now"))
    await session.start_tls()
    raise Answered


async def login(session: Session, command: c.Login) -> Ok:
    _need_privacy(session)
    return await _sign_in(session, command.username, command.password)


async def authenticate(session: Session, command: c.Authenticate) -> Ok:
    """RFC 3501 §6.2.2 with the initial response of RFC 4959."""
    if command.mechanism != "PLAIN":
        raise No("PLAIN is the way to sign in here", b"CANNOT")
    _need_privacy(session)
    line = command.initial
    if line is None:
        session.send(b"+ \r\n")
        session.engine.expect_line()
        event = await session.event()
        if isinstance(event, e.Flood):
            raise Goodbye(event.text)
        line = event.line if isinstance(event, e.Line) else None
        if line is None:
            raise Bad("The response is too long")
        if line.strip() == b"*":  # RFC 3501 §6.2.2: the client gives up
            raise Bad("Sign-in given up")
    try:
        credentials = sasl.plain(line)
    except sasl.BadResponse as error:
        raise Bad(str(error)) from None
    if credentials.authorize not in {"", credentials.username}:
        raise No("Signing in as somebody else is not possible", b"AUTHORIZATIONFAILED")
    return await _sign_in(session, credentials.username, credentials.password)


def _need_privacy(session: Session) -> None:
    if not session.context.may_send_passwords:
        # RFC 5530 §3: the password has crossed the wire already; at least say that it should not.
        raise No("Passwords are only taken over an encrypted connection", b"PRIVACYREQUIRED")


async def _sign_in(session: Session, username: str, password: str) -> Ok:
    found = None
    if "\0" not in username and "\0" not in password:
        found = await session.call(_ask_directory, username, password, session.context.peer_ip)
    if found is None:
        session.failed_sign_ins += 1
        log.info("imap: %s could not sign in from %s", ascii(username[:80]), session.context.peer_ip)
        if session.failed_sign_ins >= MOST_FAILURES:
            raise Goodbye("Too many failed sign-ins")
        # The first mistake is free; after that guessing gets slow.
        await asyncio.sleep(session.failed_sign_ins - 1)
        raise No("Wrong name or password", b"AUTHENTICATIONFAILED")
    if not found.access:
        raise No("This account has no mailbox", b"AUTHORIZATIONFAILED")
    if not session.context.sign_in(found.account):
        raise No("This account has too many connections; close some of them", b"LIMIT")
    session.signed_in(found, found.access[0].mailspace)
    return Ok("Signed in", session.capabilities_code())


def _ask_directory(username: str, password: str, peer: str) -> directory.Login | None:
    return directory.current().sign_in(username, password, protocol="imap", peer=peer)


async def enable(session: Session, command: c.Enable) -> Ok:
    """RFC 5161 §3.1: names that are not known, or on already, are no error and not listed."""
    enabled: list[bytes] = []
    for name in dict.fromkeys(command.names):
        if name in _EXTENSIONS:
            shown, turn_on = _EXTENSIONS[name]
            if turn_on(session):
                enabled.append(shown)
    session.send(responses.untagged(b" ".join([b"ENABLED", *enabled])))
    return Ok("Enabled")


def turn_on_condstore(session: Session) -> bool:
    """RFC 7162 §3.1: from the first sign of interest on, every FETCH tells the mod-sequence."""
    if session.condstore:
        return False
    session.condstore = True
    selection = session.selection
    if selection is not None:
        selection.tell_modseq = True
        # RFC 7162 §3.1.2.1: where the client has not been told it, it is told now.
        session.send(
            responses.status("*", "OK", "Highest mod-sequence", b"HIGHESTMODSEQ %d" % selection.told_modseq)
        )
    return True


def _turn_on_qresync(session: Session) -> bool:
    """RFC 7162 §3.2.3: from here on VANISHED instead of EXPUNGE; CONDSTORE is part of it."""
    if session.qresync:
        return False
    turn_on_condstore(session)
    session.qresync = True
    if session.selection is not None:
        session.selection.qresync = True
    return True


def _turn_on_rev2(session: Session) -> bool:
    """RFC 9051 §6.3.1: names in UTF-8, ESEARCH, no \\Recent."""
    if session.rev2:
        return False
    session.rev2 = True
    if session.selection is not None:
        session.selection.rev2 = True
    _speak_utf8(session)
    return True


def _turn_on_utf8(session: Session) -> bool:
    """RFC 6855 §3"""
    if session.utf8_accepted:
        return False
    session.utf8_accepted = True
    _speak_utf8(session)
    return True


def _speak_utf8(session: Session) -> None:
    session.utf8 = session.engine.utf8 = True


_EXTENSIONS: dict[str, tuple[bytes, Callable[[Session], bool]]] = {
    "CONDSTORE": (b"CONDSTORE", turn_on_condstore),
    "QRESYNC": (b"QRESYNC", _turn_on_qresync),
    "IMAP4REV2": (b"IMAP4rev2", _turn_on_rev2),
    "UTF8=ACCEPT": (b"UTF8=ACCEPT", _turn_on_utf8),
}


async def compress(session: Session, command: c.Compress) -> Ok:
    """RFC 4978 §3"""
    if session.is_compressed:
        raise No("The connection is compressed already", b"COMPRESSIONACTIVE")
    if command.mechanism != "DEFLATE":
        raise No("DEFLATE is the way to compress here", b"CANNOT")
    session.send(responses.status(session.tag, "OK", "Compressed from here on"))
    await session.compress()
    raise Answered
