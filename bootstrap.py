"""From a fresh clone to a running command, with nothing but Python: what happens before Django exists.

`main` finds a Python that is new enough, makes `.venv` from the hash-locked requirements, starts `manage.py`
again inside it, and hands `up` to webmail/up.py, `test` to tests/run.py and everything else to Django.
Standard library only, in syntax that old Pythons can read, so that they can be told what is missing.
The machine's own pip settings (indexes, proxies, certificates) are respected; none are passed here.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

BASE = Path(__file__).resolve().parent
VENV = BASE / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)

#: What `up` cannot find in .venv: nothing. What the tests use from the system, and why. Debian's names.
TEST_PACKAGES = {
    "chromium": "the browser tests drive it",
    "fonts-inter": "the web client's typeface, in screenshots",
    "fonts-noto-core": "letters of the world's scripts, in screenshots",
    "fonts-noto-cjk": "Chinese, Japanese and Korean, in screenshots",
    "redis-tools": "contains the Redis server's program, without a service that starts by itself",
    "swaks": "sends test mail like a stranger's server",
    "libnet-ssleay-perl": "TLS for swaks",
    "neomutt": "a mail program people use",
    "mutt": "another, with a cache that QRESYNC keeps true",
    "isync": "mbsync, the strictest IMAP client we know",
    "offlineimap3": "another that mirrors both ways",
    "fetchmail": "a POP3 client people use",
    "getmail6": "another, which keeps its own list of what it has",
    "mpop": "another, which sends many commands at once",
    "curl": "speaks IMAP, POP3 and SMTP",
}
#: The same for macOS, by the names Homebrew gives them. PostgreSQL comes from PyPI on both.
BREW_PACKAGES = [
    "redis",
    "swaks",
    "neomutt",
    "mutt",
    "isync",
    "offlineimap",
    "fetchmail",
    "mpop",
    "curl",
    "--cask chromium",
]


class Refusal(Exception):
    """Something is missing that this program may not install by itself; the text says what to type."""


def main(argv: list) -> int:
    verb = argv[1] if len(argv) > 1 else "help"
    try:
        if not inside_venv():
            if sys.version_info < OLDEST:
                return start_newer_python(argv)
            ensure_venv(dev=verb == "test")
            return enter_venv(argv)
        if verb == "test":
            ensure_venv(dev=True)
            ensure_test_packages()
    except Refusal as refusal:
        say(str(refusal))
        return 2
    except KeyboardInterrupt:
        return 130
    return run(verb, argv)


def run(verb: str, argv: list) -> int:
    """Inside .venv: hand over to whoever does the work."""
    if verb == "up":
        from webmail import up

        return up.main(argv[2:])
    if verb == "test":
        return subprocess.call(
            [sys.executable, "-m", "tests.run", *argv[2:]], cwd=str(BASE), env=clean_environment()
        )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
    from django.core.management import execute_from_command_line

    from webmail.listen import BadListen

    try:
        execute_from_command_line(argv)
    except BadListen as error:  # a setting cannot be understood; a traceback would hide which
        say(str(error))
        return 2
    return 0


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


# --- Python and .venv --------------------------------------------------------------------------------------
def inside_venv() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def start_newer_python(argv: list) -> int:
    """macOS ships 3.9; a newer one is often installed beside it."""
    for minor in (13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *argv])
    have = ".".join(str(part) for part in sys.version_info[:3])
    raise Refusal(
        f"Mailstead needs Python 3.11 or newer; this one is {have}. Install one and start again with it."
    )


def enter_venv(argv: list) -> int:
    arguments = [str(VENV_PYTHON), str(BASE / "manage.py"), *argv[1:]]
    os.execve(VENV_PYTHON, arguments, clean_environment())


def clean_environment() -> dict:
    """Our environment, minus what confuses Python's own tools (an empty HOME, somebody else's PYTHONHOME)."""
    environment = dict(os.environ)
    if not environment.get("HOME"):
        environment.pop("HOME", None)
    for name in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"):
        environment.pop(name, None)
    return environment


def lock_mark(lock_file: Path) -> str:
    """What `.venv` was made from: the lock's content and the Python that read it."""
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    return f"{digest} {sys.version_info[0]}.{sys.version_info[1]}\n"


def ensure_venv(dev: bool) -> None:
    """Make .venv, or bring it up to date, if the lock says so. Two that start at once take turns."""
    lock_file = BASE / ("requirements-dev.txt" if dev else "requirements.txt")
    if not wanting(lock_file):
        return
    turn = os.open(BASE, os.O_RDONLY)  # a lock on the folder itself: no file to leave behind
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if wanting(lock_file):
            started = time.monotonic()
            if not VENV_PYTHON.exists() or not right_python():
                make_venv()
            install(lock_file)
            say(f"  ready after {time.monotonic() - started:.0f} s")
    finally:
        os.close(turn)


def mark_file(lock_file: Path) -> Path:
    return VENV / f".{lock_file.stem}.mark"


def wanting(lock_file: Path) -> bool:
    try:
        return mark_file(lock_file).read_text() != lock_mark(lock_file)
    except FileNotFoundError:
        return True


def right_python() -> bool:
    """Whether .venv belongs to the Python we run on; an upgraded system leaves a broken one behind."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [str(VENV_PYTHON), "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(),
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == f"{sys.version_info[0]}.{sys.version_info[1]}"


def make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        ensure_packages({name: "makes the virtual environment that keeps Mailstead's libraries"})
    say(f"Making .venv with Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    if made.returncode:
        raise Refusal(f"Python could not make {VENV}:\n{made.stdout}{made.stderr}")


def install(lock_file: Path) -> None:
    """pip, with every file checked against the lock, and a line now and then while it works."""
    pins = len(re.findall(r"^[A-Za-z0-9].*==", lock_file.read_text(), re.MULTILINE))
    say(f"Installing {pins} packages from {lock_file.name} into .venv, each checked against its hash")
    command = [
        str(VENV_PYTHON),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-input",
        "--progress-bar",
        "off",
    ]
    command += ["--disable-pip-version-check", "-r", str(lock_file)]
    pip = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(),
        cwd=str(BASE),
    )
    tail: list = []
    seen, shown = 0, time.monotonic()
    for line in pip.stdout or ():
        tail = [*tail[-30:], line]
        seen += line.startswith(("Collecting", "Requirement already"))
        if time.monotonic() - shown > 2 or line.startswith("Installing collected"):
            shown = time.monotonic()
            unpacking = line.startswith("Installing collected")
            say("  unpacking" if unpacking else f"  {min(seen, pins)} of {pins} packages found")
    if pip.wait():
        say("".join(tail))
        raise Refusal(
            "pip could not install the packages; its last words are above. Start again when that is mended."
        )
    mark_file(lock_file).write_text(lock_mark(lock_file))


# --- system packages ---------------------------------------------------------------------------------------
def is_debian() -> bool:
    try:
        release = Path("/etc/os-release").read_text()
    except OSError:
        return False
    return bool(re.search(r"^ID(_LIKE)?=.*(debian|ubuntu)", release, re.MULTILINE)) and bool(
        shutil.which("apt-get")
    )


def missing_packages(wanted: dict) -> list:
    """Those of `wanted` that Debian does not have installed."""
    query = subprocess.run(
        [shutil.which("dpkg-query") or "dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    present = {line.split()[1] for line in query.stdout.splitlines() if line.startswith("installed ")}
    return [name for name in wanted if name not in present]


def ensure_packages(wanted: dict) -> None:
    """As root on Debian or Ubuntu: name what is missing, and install it. Else: say the exact command."""
    if not is_debian():
        raise Refusal(
            "Missing on this system: " + ", ".join(f"{name} ({why})" for name, why in wanted.items())
        )
    missing = missing_packages(wanted)
    if not missing:
        return
    command = "apt-get install -y --no-install-recommends " + " ".join(missing)
    for name in missing:
        say(f"Missing system package: {name} ({wanted[name]})")
    if os.geteuid() != 0:
        raise Refusal(f"Type this, then start again:\n  sudo apt-get update && sudo {command}")
    environment = dict(clean_environment(), DEBIAN_FRONTEND="noninteractive")
    for step in ("apt-get update", command):
        say(f"  {step}")
        done = subprocess.run(
            step.split(),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # A list that could not be refreshed may still do; a package that could not be installed may not.
        if done.returncode and step == command:
            raise Refusal(
                f"{done.stdout[-3000:]}\napt-get could not install them. The command was:\n  {command}"
            )


def ensure_test_packages() -> None:
    """The tests run without these, too, and then end with a list of what did not run."""
    if is_debian():
        if os.geteuid() == 0:
            ensure_packages(TEST_PACKAGES)
            return
        missing = missing_packages(TEST_PACKAGES)
        if missing:
            say("Some tests will not run. To run them all, type this first:")
            say(
                "  sudo apt-get update && sudo apt-get install -y --no-install-recommends "
                + " ".join(missing)
            )
    elif sys.platform == "darwin" and not shutil.which("swaks"):
        say("Some tests will not run. To run them all, type this first:")
        for name in BREW_PACKAGES:
            say(f"  brew install {name}")
