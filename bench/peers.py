"""Postfix and Dovecot from Debian's packages, in a folder and on loopback ports of their own.

Nothing outside the folder is touched but the packages themselves, which are installed when missing and when
we are root; what Debian then starts by itself is stopped. Durability is what Debian ships: Postfix syncs its
queue, Dovecot `mail_fsync=optimized`. Mail lies in Maildirs, sign-in is a passwd-file with SHA512-CRYPT, login
processes run in Dovecot's documented high-performance mode, as a busy site runs them. No full-text index.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from bench.machine import alive, answers, descendants
from bench.servers import DOMAIN, PASSWORD, Server
from tests.ports import reserved
from webmail.tls import make_self_signed

PACKAGES = ("postfix", "dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd")
COMMAND = f"apt-get install -y --no-install-recommends {' '.join(PACKAGES)}"
OWNER = "mail"  # Debian's user for mail; no user of ours is added
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_WANTED_INOTIFY = 16_384  # one for each IMAP process

_POSTFIX = """\
# Postfix for the benchmark: loopback only, LMTP to Dovecot, Debian's durability.
compatibility_level = 3.6
queue_directory = {top}/postfix/spool
data_directory = {top}/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {top}/log/postfix.log
maillog_file_prefixes = {top}, /var
myhostname = mx.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
biff = no
append_dot_mydomain = no
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = hash:{top}/postfix/etc/mailboxes
virtual_transport = lmtp:unix:{top}/dovecot/run/lmtp
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_cert_file = {top}/postfix/etc/cert.pem
smtpd_tls_key_file = {top}/postfix/etc/key.pem
"""
_MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot -o smtpd_sasl_path={top}/dovecot/run/auth-postfix
  -o smtpd_tls_security_level=may -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_DOVECOT = """\
# Dovecot for the benchmark: loopback only, Maildir, mail_fsync and everything else as Debian ships it.
base_dir = {top}/dovecot/run
state_dir = {top}/dovecot/state
instance_name = mailstead-bench
log_path = {top}/log/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_home = {top}/mail/%n
mail_location = maildir:~/Maildir
mail_uid = {owner}
mail_gid = {owner}
first_valid_uid = 1
mail_max_userip_connections = 20000
passdb {{
  driver = passwd-file
  args = scheme=SHA512-CRYPT username_format=%u {top}/dovecot/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {top}/dovecot/users
}}
namespace inbox {{
  inbox = yes
}}
default_vsz_limit = 1G
service imap-login {{
  service_count = 0
  process_min_avail = 4
  client_limit = 4000
  vsz_limit = 1G
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 4096
}}
service pop3 {{
  process_limit = 1024
}}
service anvil {{
  client_limit = 20000
}}
service auth {{
  client_limit = 20000
  unix_listener auth-postfix {{
    mode = 0600
    user = postfix
    group = postfix
  }}
}}
service stats {{
  client_limit = 20000
}}
service lmtp {{
  process_min_avail = 4
  unix_listener lmtp {{
    mode = 0600
    user = postfix
    group = postfix
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}
"""


class Unavailable(Exception):
    """The peers cannot run here; the text says what would help."""


class Peers(Server):
    """Postfix and Dovecot as one server. `start` returns when their ports answer."""

    label = "postfix+dovecot"

    def __init__(self, top: Path, users: list[str]) -> None:
        self.top = top
        self.ports = {name: reserved() for name in ("smtp", "submission", "imap", "pop3")}
        self._users = users
        self._inotify: str | None = None

    def prepare(self) -> None:
        """Install and configure; then Maildirs can be filled."""
        install()
        self._configure()

    def start(self) -> None:
        self._raise_inotify()
        # Into a file: a pipe would stay open in the daemons, and we would wait for its end for ever.
        with (self.top / "log" / "start.log").open("wb") as log:
            for command in (
                ["dovecot", "-c", self._dovecot_conf],
                ["postfix", "-c", self.top / "postfix/etc", "start"],
            ):
                begun = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
                if begun.returncode:
                    self.stop()
                    raise Unavailable(f"{command[0]} does not start; see {log.name}")
        deadline = time.monotonic() + 30
        while not all(answers(port) for port in self.ports.values()):
            if time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"the peers do not answer; see {self.top / 'log'}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End every process of theirs, whatever happened before."""
        masters = self._masters()
        family = descendants(masters)
        for pid in masters:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        while any(alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in filter(alive, family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._inotify is not None:
            _INOTIFY.write_text(self._inotify)
            self._inotify = None

    def pids(self) -> set[int]:
        return descendants(self._masters())

    def imap_pids(self) -> set[int]:
        """Dovecot without Postfix: what holds idle connections."""
        return descendants([_pid(self.top / "dovecot/run/master.pid")])

    def maildir(self, user: str) -> Path:
        """The Maildir of a user; `seed` fills it."""
        return self.top / "mail" / user.partition("@")[0] / "Maildir"

    @property
    def _dovecot_conf(self) -> Path:
        return self.top / "dovecot/dovecot.conf"

    def _masters(self) -> list[int]:
        files = (self.top / "postfix/spool/pid/master.pid", self.top / "dovecot/run/master.pid")
        return [pid for pid in map(_pid, files) if pid]

    def _configure(self) -> None:
        top = self.top
        for name in ("log", "mail", "dovecot/run", "dovecot/state", "postfix/etc", "postfix/spool"):
            (top / name).mkdir(parents=True, exist_ok=True)
        for folder in (top, *top.parents):  # their users must get through
            if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        for name in ("log", "mail", "dovecot", "postfix", "postfix/etc", "postfix/spool"):
            (top / name).chmod(0o755)
        shutil.chown(top / "mail", OWNER, OWNER)
        data = top / "postfix/data"
        data.mkdir(exist_ok=True)
        shutil.chown(data, "postfix")
        words = {"top": top, "domain": DOMAIN, "owner": OWNER, **self.ports}
        (top / "postfix/etc/main.cf").write_text(_POSTFIX.format(**words))
        (top / "postfix/etc/master.cf").write_text(_MASTER.format(**words))
        self._dovecot_conf.write_text(_DOVECOT.format(**words))
        self._certify()
        made = subprocess.run(
            ["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True
        )
        hashed = made.stdout.strip()
        (top / "dovecot/users").write_text("".join(f"{user}:{hashed}::::::\n" for user in self._users))
        mailboxes = top / "postfix/etc/mailboxes"
        mailboxes.write_text("".join(f"{user} OK\n" for user in self._users))
        for name in (
            "dovecot/users",
            "postfix/etc/mailboxes",
            "postfix/etc/main.cf",
            "postfix/etc/master.cf",
        ):
            (top / name).chmod(0o644)
        subprocess.run(["postmap", "-c", top / "postfix/etc", f"hash:{mailboxes}"], check=True)
        (top / "postfix/etc/mailboxes.db").chmod(0o644)

    def _certify(self) -> None:
        """For STARTTLS on the submission port; the same kind of key as ours."""
        cert, key = self.top / "postfix/etc/cert.pem", self.top / "postfix/etc/key.pem"
        make_self_signed(cert, key, hostname=f"mx.{DOMAIN}")
        key.chmod(0o600)
        cert.chmod(0o644)

    def _raise_inotify(self) -> None:
        """Room for 2,000 Dovecot processes; put back by `stop`."""
        with suppress(OSError):
            have = _INOTIFY.read_text()
            if int(have) < _WANTED_INOTIFY:
                _INOTIFY.write_text(str(_WANTED_INOTIFY))
                self._inotify = have


def install() -> None:
    """Have the packages, or say what would."""
    if shutil.which("postfix") and shutil.which("dovecot"):
        if os.geteuid():
            raise Unavailable(
                "Postfix and Dovecot start as root only: run this as root, or leave out --peers."
            )
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise Unavailable(f"Postfix and Dovecot are missing; as root on Debian: {COMMAND}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["debconf-set-selections"],
        input="postfix postfix/main_mailer_type select No configuration\n",
        text=True,
        check=False,
    )
    subprocess.run(["apt-get", "update", "-qq"], env=env, check=False)
    done = subprocess.run(COMMAND.split(), env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"`{COMMAND}` failed: {done.stderr[-500:]}")
    if shutil.which("systemctl"):  # Debian started what it just installed
        subprocess.run(["systemctl", "stop", "postfix", "dovecot"], capture_output=True, check=False)


def _pid(file: Path) -> int:
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return 0
    return pid if alive(pid) else 0


def owner_ids() -> tuple[int, int]:
    """(uid, gid) of whoever owns the Maildirs."""
    entry = pwd.getpwnam(OWNER)
    return entry.pw_uid, entry.pw_gid
