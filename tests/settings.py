"""The product's own settings, in a folder of their own per test process, and without waiting for the disk.

Only what makes tests repeatable and quick differs; everything else is what an installation runs with.
Processes that tests start (`tests.product`) use `webmail.settings` itself with an environment of their own.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# The process that starts the others makes and removes one folder; each test process has its own inside it.
_root = os.environ.get("TEST_FOLDER", "")
if not _root or "PYTEST_XDIST_WORKER" not in os.environ:
    _root = os.environ["TEST_FOLDER"] = tempfile.mkdtemp(prefix="mailstead-test-")
    _owner = os.getpid()

    @atexit.register
    def _remove_folder() -> None:
        if os.getpid() == _owner:  # not in what it forked
            shutil.rmtree(_root, ignore_errors=True)


_folder = Path(_root) / os.environ.get("PYTEST_XDIST_WORKER", "main")
_folder.mkdir(exist_ok=True)

os.environ["DATA_DIR"] = str(_folder)
os.environ.setdefault("MAIL_HOSTNAME", "mail.example.test")
os.environ["SQLITE_SYNCHRONOUS"] = "OFF"
os.environ.setdefault(
    "DB_POOL", "off"
)  # a pool keeps connections open, and then the test database cannot be dropped

from webmail.settings import *  # noqa: E402, F403
from webmail.settings import DATA_DIR, DATABASES, PASSWORD_HASHERS  # noqa: E402

if DATABASES["default"]["ENGINE"] == "mta.sqlite":
    # A file, not memory: threads and the write ticket behave as in an installation.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    # One name per run: several runs may share a server.
    _run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(4)
    DATABASES["default"]["TEST"] = {"NAME": f"test_mailstead_{_run[:8]}"}
ALLOWED_HOSTS = ["*"]
# Nothing asks the machine's own DNS: a test brings its resolver, and who has none is told "no" at once.
DNS_SERVERS = [("127.0.0.1", 9)]
# Signing in 500 times must not take 11 seconds; tests of the real hasher name it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
