"""From a clone to a running command: the parts that can be looked at without making a new environment.

`.ci/run` does the whole of it, on a machine with nothing prepared.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap

BASE = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")


@pytest.mark.parametrize("name", ["manage.py", "bootstrap.py"])
def test_old_pythons_can_read_what_they_are_told(name: str) -> None:
    ast.parse((BASE / name).read_text(), feature_version=(3, 8))


def test_only_the_standard_library_is_imported_at_first() -> None:
    tree = ast.parse((BASE / "bootstrap.py").read_text())
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash_and_no_line_names_a_host(name: str) -> None:
    text = (BASE / name).read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(blocks) > 40
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"://|--index-url|--find-links|--trusted-host", text)


def test_tests_use_the_libraries_that_the_product_uses() -> None:
    pins = [
        dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[.*?\])?==(\S+)", (BASE / name).read_text(), re.MULTILINE))
        for name in LOCKS
    ]
    product, tests = pins
    assert {name: tests.get(name) for name in product} == product


def test_a_changed_lock_or_python_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    lock = tmp_path / "requirements.txt"
    lock.write_text("django==5.2.19\n")
    assert bootstrap.wanting(lock)
    bootstrap.mark_file(lock).write_text(bootstrap.lock_mark(lock))
    assert not bootstrap.wanting(lock)
    lock.write_text("django==5.2.20\n")
    assert bootstrap.wanting(lock)


def test_an_empty_home_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    environment = bootstrap.clean_environment()
    assert "HOME" not in environment and "PYTHONHOME" not in environment


@pytest.fixture
def debian_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "is_debian", lambda: True)
    monkeypatch.setattr(bootstrap, "missing_packages", list)


def test_somebody_else_than_root_is_given_the_exact_command(
    debian_without: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.Refusal) as refusal:
        bootstrap.ensure_packages({"python3.11-venv": "makes the virtual environment"})
    assert "sudo apt-get install -y --no-install-recommends python3.11-venv" in str(refusal.value)
    assert "python3.11-venv (makes the virtual environment)" in capsys.readouterr().err


def test_root_sees_the_name_before_it_is_installed(
    debian_without: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", run)
    bootstrap.ensure_packages({"chromium": "the browser tests drive it"})
    assert ran == [["apt-get", "update"], "apt-get install -y --no-install-recommends chromium".split()]
    assert "Missing system package: chromium (the browser tests drive it)" in capsys.readouterr().err


def test_a_system_without_packages_of_ours_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "is_debian", lambda: False)
    with pytest.raises(bootstrap.Refusal, match=r"chromium \(the browser tests drive it\)"):
        bootstrap.ensure_packages({"chromium": "the browser tests drive it"})


def test_a_refusal_ends_with_code_2_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*, dev: bool) -> None:
        raise bootstrap.Refusal("Type this.")

    monkeypatch.setattr(bootstrap, "inside_venv", lambda: False)
    monkeypatch.setattr(bootstrap, "ensure_venv", refuse)
    assert bootstrap.main(["manage.py", "up"]) == 2
    assert capsys.readouterr().err == "Type this.\n"


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap, "inside_venv", lambda: False)
    monkeypatch.setattr(sys, "version_info", (3, 9, 6))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert bootstrap.main(["manage.py", "up"]) == 2
    assert "needs Python 3.11 or newer; this one is 3.9.6" in capsys.readouterr().err


def test_a_setting_that_cannot_be_understood_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "SMTP_LISTEN": "everywhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "SMTP_LISTEN: 'everywhere' is not host:port (IPv6 in brackets, several with commas, or off)\n"
    )
