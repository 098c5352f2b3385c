"""There is no Docker engine in the tests; what can be wrong without one is looked at here."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

BASE = Path(__file__).resolve().parent.parent.parent
OURS = ("prepare", "web", "worker", "beat", "sidecar")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((BASE / "docker" / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    text = (BASE / "docker" / "Dockerfile").read_text()
    lines = [
        line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip() and not line.startswith("#")
    ]
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines]


def settings_that_are_read() -> set[str]:
    text = (BASE / "webmail" / "settings.py").read_text()
    return set(re.findall(r"""(?:env(?:\.\w+)?|_listen)\(\s*"([A-Z0-9_]+)\"""", text))


def check_command(command: list[str]) -> None:
    program, *arguments = command
    if program == "python":
        assert (BASE / arguments[0]).is_file()
        assert arguments[1] in get_commands() or arguments[1] == "up"
        return
    assert importlib.util.find_spec(program) is not None
    if program == "celery":
        assert arguments[:2] == ["-A", "webmail"] and arguments[2] in {"worker", "beat"}
    if program == "gunicorn":
        module, name = arguments[-1].split(":")
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists(compose: dict[str, Any], service: str) -> None:
    check_command(compose["services"][service]["command"])


@pytest.mark.parametrize("service", OURS)
def test_every_setting_passed_is_one_that_is_read(compose: dict[str, Any], service: str) -> None:
    given = set(compose["services"][service]["environment"])
    assert given and given <= settings_that_are_read()


def test_the_options_of_gunicorn_and_celery_are_theirs(compose: dict[str, Any]) -> None:
    from celery.bin.worker import worker
    from gunicorn.config import Config

    web = compose["services"]["web"]["command"][1:-1]
    Config().parser().parse_args(web)
    worker.make_context("worker", list(compose["services"]["worker"]["command"][4:]), resilient_parsing=True)


def test_published_ports_are_ports_that_are_listened_on(compose: dict[str, Any]) -> None:
    listened = {
        value.rsplit(":", 1)[1]
        for name, value in compose["services"]["web"]["environment"].items()
        if name.endswith("_LISTEN")
    }
    published = {
        port.rsplit(":", 1)[1] for service in OURS for port in compose["services"][service].get("ports", [])
    }
    assert published == listened


def test_volumes_and_services_named_are_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"], name


def test_the_image_copies_what_there_is_and_starts_what_there_is(dockerfile: list[tuple[str, str]]) -> None:
    copied = [
        word
        for verb, rest in dockerfile
        if verb == "COPY"
        for word in rest.split()[:-1]
        if not word.startswith("--")
    ]
    assert copied and all((BASE / each).exists() for each in copied)
    (command,) = [json.loads(rest) for verb, rest in dockerfile if verb == "CMD"]
    check_command(command)


def test_the_image_does_not_run_as_root(dockerfile: list[tuple[str, str]]) -> None:
    assert [rest for verb, rest in dockerfile if verb == "USER"] == ["mailstead"]
