"""Taking mail away over POP3 and IMAP, with fetchmail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Person

Program = Callable[..., subprocess.CompletedProcess[str]]

NO_MAIL = 1  # fetchmail's exit code


@pytest.mark.parametrize(
    ("service", "tls"),
    [("pop3", "sslproto TLS1.2+"), ("pop3s", "ssl"), ("imap", "sslproto TLS1.2+"), ("imaps", "ssl")],
)
def test_mail_is_taken_away_once(
    program: Program, person: Person, letters: list[bytes], tmp_path: Path, service: str, tls: str
) -> None:
    person.receives(*letters[:4])
    (tmp_path / "take").write_text(f"#!/bin/sh\nexec cat > {tmp_path}/$(date +%s%N).eml\n")
    (tmp_path / "take").chmod(0o700)
    rc = tmp_path / "fetchmailrc"
    rc.write_text(
        f'poll localhost protocol {service.rstrip("s").upper()} service {person.port(service)} user "{person.address}" '
        f'password "{person.password}" {tls} sslcertck sslcertfile {person.certificate} '
        f'fetchall no keep no rewrite mda "{tmp_path}/take"\n'
    )
    rc.chmod(0o600)
    run = ("fetchmail", "-f", rc, "--nosyslog", "--invisible", "--pidfile", tmp_path / "pid")
    program(*run)
    taken = sorted(tmp_path.glob("*.eml"))
    # fetchmail hands on LF line ends, and adds what POP3 needs at the end of a message.
    contents = [file.read_bytes().replace(b"\r\n", b"\n").rstrip() for file in taken]
    wanted = [raw.replace(b"\r\n", b"\n").rstrip() for raw in letters[:4]]
    assert len(contents) == 4
    assert all(got.endswith(raw) for got, raw in zip(contents, wanted, strict=True))
    assert person.messages() == []
    program(*run, code=NO_MAIL)
