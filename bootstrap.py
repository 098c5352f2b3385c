"""What happens before Django exists (first version: Django's commands inside .venv)."""

import os
import sys
from pathlib import Path

BASE = Path(__file__).resolve().parent
VENV_PYTHON = BASE / ".venv" / "bin" / "python"


def main(argv: list[str]) -> int:
    if Path(sys.prefix).resolve() != (BASE / ".venv").resolve():
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), *argv])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)
    return 0
