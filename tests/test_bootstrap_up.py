"""`manage.py up` as an administrator meets it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.product import BASE, DidNotStart, Product
from webmail.probe import Listener, answers

pytestmark = pytest.mark.product


def test_a_first_start_prints_a_link_to_set_it_up_and_one_ctrl_c_stops_it(tmp_path: Path) -> None:
    product = Product(tmp_path / "data", env={"COLLECT_STATIC": "on"})
    product.start()
    try:
        assert product.setup_link.startswith(product.url)
        with urllib.request.urlopen(product.setup_link, timeout=20) as answer:
            page = answer.read().decode()
        assert answer.status == 200
        # Style sheets have their content's hash in their names, may be kept for ever, and are compressed.
        name = page.split('rel="stylesheet"')[0].rsplit("<link", 1)[1] + page.split('rel="stylesheet"')[1]
        path = name.split('href="')[1].split('"')[0]
        request = urllib.request.Request(product.url + path, headers={"Accept-Encoding": "br"})
        with urllib.request.urlopen(request, timeout=20) as sheet:
            assert sheet.headers["Content-Encoding"] == "br"
            assert "immutable" in sheet.headers["Cache-Control"]
        names = [pid.stem for pid in (product.data_dir / "run").iterdir()]
        assert sorted(names) == ["sidecar", "web", "worker"]
    finally:
        started = time.monotonic()
        code = product.stop()
    assert code == 0
    assert time.monotonic() - started < 15
    assert not any(
        answers(Listener("", service, "127.0.0.1", port)) for service, port in product.ports.items()
    )


def test_what_dies_is_started_again(product: Product) -> None:
    listener = Listener("IMAP_LISTEN", "IMAP", "127.0.0.1", product.port("imap"))
    assert answers(listener)
    product.kill("sidecar")
    deadline = time.monotonic() + 40
    while "starting it again" not in product.output or not answers(listener):
        assert time.monotonic() < deadline, product.output + product.logs()
        time.sleep(0.1)


def test_a_port_in_use_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    with socket.socket() as other:
        other.bind(("127.0.0.1", product.port("imap")))
        other.listen()
        with pytest.raises(DidNotStart) as reason:
            product.start()
    assert (
        f"Port {product.port('imap')} on 127.0.0.1 is in use by another program. IMAP_LISTEN moves ours"
        in str(reason.value)
    )


def test_a_second_one_on_the_same_folder_is_refused(product: Product) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=BASE,
        env=product.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"already runs on {product.data_dir}" in done.stderr


def test_a_demo_never_goes_over_real_accounts(product: Product) -> None:
    product.add_account("first@example.test", "an account of somebody")
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--demo"],
        cwd=BASE,
        env=product.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "holds accounts that are not a demo" in done.stderr


@pytest.mark.skipif(
    sys.platform != "linux", reason="Linux tells a process that its parent died; elsewhere up must be stopped"
)
def test_killing_up_leaves_nothing_behind(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    product.start()
    assert product._process is not None
    pids = [int(path.read_text()) for path in (product.data_dir / "run").iterdir()]
    os.kill(product._process.pid, signal.SIGKILL)
    product.stop()
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)
