"""Claiming by several processes at once, one of which is killed in the middle."""

import os
import subprocess
import sys

import pytest
from django.db import connection

from mta.queue import service
from mta.queue.schedule import LEASE
from mta.queue.values import NewOutgoing, NewRecipient

T0 = 1_800_000_000_000_000
CLAIMER = f"""
import os, signal, sys
import django
django.setup()
from mta.queue import service
while claims := service.claim(limit=7, now={T0}):
    print(*(claimed.id for claimed in claims), flush=True)
    if sys.argv[1] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def environment(folder):
    """How another process reaches this test's database."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{at['NAME']}"
    else:
        who = f"{at['USER']}:{at['PASSWORD']}" if at["PASSWORD"] else at["USER"]
        url = f"postgres://{who}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "webmail.settings",
        "DB_POOL": "off",
    }


@pytest.mark.django_db(transaction=True)
def test_processes_share_the_queue_and_what_a_killed_one_held_comes_back(tmp_path, settings):
    for number in range(10):
        addresses = tuple(NewRecipient(f"{who}@{number}.test") for who in "abcd")
        service.enqueue(NewOutgoing("web", "ann@a.test", b"x", addresses), now=T0)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, how],
            cwd=settings.BASE_DIR,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            text=True,
        )
        for how in ("dies", "lives", "lives")
    ]
    taken = [[int(id) for id in process.communicate(timeout=60)[0].split()] for process in running]
    flat = [id for ids in taken for id in ids]
    assert len(flat) == len(set(flat)) == 40
    assert service.claim(limit=100, now=T0 + LEASE - 1) == ()
    back = service.claim(limit=100, now=T0 + LEASE)
    assert {claimed.id for claimed in back} == set(flat)
    assert {claimed.attempts for claimed in back} == {2}
