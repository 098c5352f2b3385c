"""Many clients at once: in threads, and in processes of their own, so that they are not what is measured."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.imap import Refused


def in_processes(shares: Sequence[Any], work: Callable[[Any], Any]) -> tuple[list[Any], float]:
    """`work(share)` in a forked process each, begun together; results in order, and the seconds it took."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(len(shares) + 1)

    def child(share: Any, pipe: Any) -> None:
        gate.wait()
        try:
            pipe.send((True, work(share)))
        except BaseException as error:
            pipe.send((False, f"{type(error).__name__}: {error}"))

    running = []
    for share in shares:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(share, theirs), daemon=True)
        process.start()
        running.append((process, ours))
    gate.wait()
    start = time.perf_counter()
    answers = [pipe.recv() for _, pipe in running]
    seconds = time.perf_counter() - start
    for process, _ in running:
        process.join()
    for good, answer in answers:
        if not good:
            raise Refused(answer)
    return [answer for _, answer in answers], seconds


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """`work(n)` in threads; results in order, or the first error."""
    results: list[Any] = [None] * count
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
