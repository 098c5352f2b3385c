"""`manage.py up`: web, worker and sidecar under one Ctrl-C.

Prepares the data folder (in a process of its own), checks that the ports are free, starts the processes,
waits until each answers, says where everything is, and starts again what dies. Never imports Django: it
stays in memory as long as the installation runs and must not weigh anything.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from webmail.keeper import Keeper, Part
from webmail.listen import is_loopback, show_endpoint
from webmail.probe import Listener, busy_listener, free_port

BASE = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(BASE / "manage.py")]

WEB_SETTINGS = frozenset({"WEB_LISTEN", "HTTPS_LISTEN"})


class CannotStart(Exception):
    """Why the installation does not start, and what to do about it."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start web, worker and mail server.")
    parser.add_argument(
        "--demo", action="store_true", help="fill an empty DATA_DIR with a demo, and stay off the internet"
    )
    options = parser.parse_args(arguments)
    environment = _environment()
    try:
        facts = _prepare(environment, demo=options.demo)
        return _keep_running(facts, environment)
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    if environment.get("DATA_DIR"):  # the processes run in the checkout, the user may stand elsewhere
        environment["DATA_DIR"] = str(Path(environment["DATA_DIR"]).expanduser().resolve())
    environment["DJANGO_SETTINGS_MODULE"] = "webmail.settings"
    environment["PYTHONUNBUFFERED"] = "1"
    # Many threads, few of them busy: glibc's arena per thread would cost tens of megabytes.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    return environment


def _say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _prepare(environment: dict[str, str], *, demo: bool) -> dict[str, object]:
    _say("Preparing the database, certificate and static files")
    command = [*MANAGE, "prepare", "--facts", *(["--demo"] if demo else [])]
    if demo:  # the folder does not say so yet
        environment = environment | {"DEMO": "on"}
    done = subprocess.run(command, cwd=BASE, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise CannotStart("Mailstead could not be prepared; the reason is above.")
    facts: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _keep_running(facts: dict[str, object], environment: dict[str, str]) -> int:
    data_dir = Path(str(facts["data_dir"]))
    listeners = [Listener(**each) for each in facts["listeners"]]  # type: ignore[attr-defined]
    keeper = Keeper(data_dir, say=_say)
    if not keeper.lock():
        raise CannotStart(f"Mailstead already runs on {data_dir}. DATA_DIR names another folder.")
    busy = busy_listener(listeners)
    if busy is not None:
        raise CannotStart(
            f"Port {busy.port} on {busy.host} is in use by another program. {busy.setting} moves ours,"
            f" for example: {busy.setting}={show_endpoint((busy.host, free_port(busy.host)))}"
        )
    is_demo = (data_dir / "demo").exists()
    greeting = _fill_demo(data_dir, environment) if is_demo else _setup_link(facts, environment)
    parts = _parts(facts, listeners, environment, sandbox=is_demo and not facts["dns_servers"])
    try:
        if not keeper.start(parts):
            if keeper.told_to_stop:
                return 130
            raise CannotStart(f"Mailstead did not start. The logs are in {data_dir / 'log'}.")
        _report(listeners, facts, greeting)
        return keeper.watch()
    finally:
        keeper.stop()


def _fill_demo(data_dir: Path, environment: dict[str, str]) -> list[str]:
    done = data_dir / "demo.done"
    if not done.exists():
        _say("Filling the demo with mail")
        if subprocess.run([*MANAGE, "demo"], cwd=BASE, env=environment, check=False).returncode:
            raise CannotStart(f"The demo data could not be made. Remove {data_dir} and start again.")
        done.touch()
    return [
        "Sign in as  ann@example.test, ben@example.test",
        "            admin@example.test (provider), reseller@example.test",
        "Password    mailstead-demo (all of them)",
    ]


def _setup_link(facts: dict[str, object], environment: dict[str, str]) -> list[str]:
    if not facts["empty"]:
        return []
    done = subprocess.run(
        [*MANAGE, "setup", "--print-link"],
        cwd=BASE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotStart("The link to the first page could not be made; the reason is above.")
    return [
        "First start. Open this link once to name the administrator and the first domain:",
        *done.stdout.split()[-1:],
    ]


def _parts(
    facts: dict[str, object], listeners: list[Listener], environment: dict[str, str], *, sandbox: bool
) -> list[Part]:
    """The processes, in the order in which they start."""
    parts = []
    if sandbox:
        dns, sink, clamd = (("127.0.0.1", free_port("127.0.0.1")) for _each in range(3))
        environment = environment | {
            "DNS_SERVERS": show_endpoint(dns),
            "RELAY_PORT": str(sink[1]),
            "DEMO_SANDBOX": "1",
        }
        command = [*MANAGE, "sandbox", "--dns", show_endpoint(dns), "--smtp", show_endpoint(sink)]
        if not environment.get("CLAMD_URL"):  # a real one goes first
            environment["CLAMD_URL"] = f"tcp://{show_endpoint(clamd)}"
            command += ["--clamd", show_endpoint(clamd)]
        door = Listener("RELAY_PORT", "Sandbox internet", *sink)
        parts.append(Part("sandbox", command, environment, listeners=(door,)))
    mail = tuple(each for each in listeners if each.setting not in WEB_SETTINGS)
    parts.append(Part("sidecar", [*MANAGE, "serve_mail"], environment, listeners=mail))
    for setting in ("WEB_LISTEN", "HTTPS_LISTEN"):
        ours = tuple(each for each in listeners if each.setting == setting)
        if ours:
            name = "web" if setting == "WEB_LISTEN" else "https"
            certificate = [] if setting == "WEB_LISTEN" else [str(each) for each in facts["tls"]]  # type: ignore[attr-defined]
            parts.append(
                Part(name, _gunicorn(ours, facts, certificate), environment, listeners=ours, speaks_http=True)
            )
    parts.append(Part("worker", _celery(), environment, listeners=(), ready_line=" ready."))
    return parts


def _gunicorn(listeners: tuple[Listener, ...], facts: dict[str, object], certificate: list[str]) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class",
        "asgi",
        "--workers",
        "1",
        "--no-control-socket",
    ]
    command += [
        "--graceful-timeout",
        "3",
        "--timeout",
        "60",
        "--keep-alive",
        "65",
        "--worker-connections",
        "2000",
    ]
    for each in listeners:
        command += ["--bind", show_endpoint((each.host, each.port))]
    # Also when there are none: gunicorn would believe whatever comes from loopback.
    command += ["--forwarded-allow-ips", ",".join(facts["trusted_proxies"])]  # type: ignore[arg-type]
    if certificate:
        command += ["--certfile", certificate[0], "--keyfile", certificate[1]]
    return [*command, "webmail.asgi:application"]


def _celery() -> list[str]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "webmail",
        "worker",
        "--pool",
        "threads",
        "--concurrency",
        "8",
    ]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*command, "--beat-thread", *quiet, "--loglevel", "INFO"]


def _report(listeners: list[Listener], facts: dict[str, object], greeting: list[str]) -> None:
    _say()
    _say("Mailstead is running.")
    for each in listeners:
        scheme = {"WEB_LISTEN": "http://", "HTTPS_LISTEN": "https://"}.get(each.setting, "")
        _say(f"  {each.name:<24}{scheme}{show_endpoint((each.host, each.port))}")
    for line in greeting:
        _say(f"  {line}")
    if not all(is_loopback(each.host) for each in listeners):
        _say(f"  Links in mail and pages name {facts['public_url']}")
    _say(f"  {'Logs':<24}{facts['data_dir']}/log")
    _say("Ctrl-C stops everything.")
