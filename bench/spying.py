"""Where our sidecar's time goes while a case runs: py-spy's samples, added up by function. Optional."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

SHOWN = 14
# Threads that wait are seen too; what they wait in says nothing.
_WAITING = (
    "Condition.wait",
    "Runner.run (asyncio",
    "Listener._listen",
    "Writer._work",
    "Bridge._work",
    "Queue.get",
    "_run_many",
    "select",
)


class Spy:
    """`with Spy(pid) as spy: …`, then `spy.text`: the functions most seen, and those most seen on top."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.text = ""

    def __enter__(self) -> Spy:
        beside = Path(sys.executable).with_name("py-spy")
        program = str(beside) if beside.exists() else shutil.which("py-spy")
        if program is None:
            raise SystemExit("--profile needs py-spy: pip install py-spy")
        with tempfile.NamedTemporaryFile(prefix="mailstead-bench-", suffix=".raw", delete=False) as file:
            self._file = Path(file.name)
        command = [program, "record", "-p", str(self._pid), "-d", "3600", "-r", "200", "-f", "raw"]
        self._process = subprocess.Popen(
            [*command, "-s", "--nonblocking", "-o", str(self._file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.text = added_up(self._file.read_text())
        self._file.unlink()


def added_up(raw: str) -> str:
    """Collapsed stacks (`a;b;c 12`) as two lists: with all they call, and by themselves."""
    whole: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    total = 0
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame.strip() for frame in stack.split(";")]
        if not count.isdigit() or frames[-1].startswith(_WAITING):
            continue
        total += int(count)
        alone[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame.rpartition(":")[0] or frame] += int(count)
    if not total:
        return "no samples"
    lines = [f"{total} samples", "with what they call:"]
    lines += [
        f"  {count / total:5.0%} {name}"
        for name, count in whole.most_common(60)
        if not name.startswith(("process ", "thread", "_bootstrap", "MainThread"))
    ][: SHOWN * 2]
    lines.append("by themselves:")
    lines += [f"  {count / total:5.0%} {name}" for name, count in alone.most_common(SHOWN)]
    return "\n".join(lines)
