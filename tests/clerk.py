"""`manage.py` for tests, in one process for many commands: starting Python and Django costs a second and a half each time.

Run as `python -m tests.clerk` with an installation's environment (tests/product.py does). It reads one JSON line
`{"arguments": ["account", "add", …], "stdin": "…"}` after the other and answers each with `{"code", "said"}`. A command
of its own, `session ADDRESS`, says the key of a session in which that account is signed in.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
    django.setup()
    requests, answers = sys.stdin, sys.stdout
    for line in requests:
        asked = json.loads(line)
        sys.stdout = sys.stderr = said = io.StringIO()
        code = 0
        try:
            _do(asked["arguments"], stdin=asked["stdin"])
        except Exception:
            code = 1
            traceback.print_exc()
        print(json.dumps({"code": code, "said": said.getvalue()}), file=answers, flush=True)


def _do(arguments: list[str], *, stdin: str) -> None:
    from django.core.management import call_command
    from django.db import close_old_connections

    sys.stdin = io.StringIO(stdin)
    if arguments[0] == "session":
        print(_session(arguments[1]), end="")
    else:
        call_command(*arguments)
    close_old_connections()


def _session(address: str) -> str:
    """What signing in leaves behind (django.contrib.auth.login, hosting/views/signing.py)."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from hosting.models import Account

    account = Account.objects.get(username=address)
    session = SessionStore()
    session[SESSION_KEY] = str(account.pk)
    session[BACKEND_SESSION_KEY] = "hosting.backends.Accounts"
    session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    main()
