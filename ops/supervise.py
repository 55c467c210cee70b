"""Several processes of one program: forked, replaced when they die, ended together. POSIX only; nothing here is asyncio's."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import structlog

FAILED_STARTS_MAX = 5
FAILED_STARTS_WITHIN_S = 10.0
# A worker that dies younger than this counts as one that did not start, whatever it said.
YOUNG_S = 1.0
# Before the next start, by how many failed lately; one more than these ends it all, some 7 s after the first.
BACKOFF_S = (0.0, 0.0, 0.5, 2.0, 4.0)
# After it workers still there are killed. With what comes before and after, everything is over within 10 s.
DRAIN_MAX_S = 8.5

STOPPING = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger("supervise")


@dataclass(frozen=True, slots=True)
class Lifeline:
    """What a worker has of its parent. parent_gone: a descriptor that becomes readable when the parent dies."""

    parent_gone: int
    _ready: int

    def ready(self) -> None:
        """Says that the worker does its work."""
        os.write(self._ready, b"1")


Work = Callable[[Lifeline], None]


@dataclass(slots=True)
class _Worker:
    started: float
    ready_pipe: int
    is_ready: bool = False


class Supervisor:
    """Keeps `count` processes of `work` running, until SIGTERM or SIGINT, or until they cannot be kept.

    Call it where no other thread runs and no event loop: it forks. work: runs in a worker, which should end upon SIGTERM and
    not mind a second; SIGINT, which a terminal sends to all, is ignored there. on_ready: called once, when all are ready.
    on_stop: called before workers are told to end. on_end: with the id of each worker that ended. A second signal, and
    DRAIN_MAX_S after the first, kills those left.
    """

    def __init__(
        self,
        work: Work,
        count: int,
        *,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None] = lambda: None,
        on_end: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        self._work = work
        self._count = count
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._on_end = on_end
        self._workers: dict[int, _Worker] = {}
        self._failed: list[float] = []
        self._next_start = 0.0
        self._is_stopping = False
        self._parent_gone, self._parent_alive = os.pipe()

    def run(self) -> int:
        """The exit code: 0 after a signal, 1 when workers do not start, or had to be killed."""
        with _signals() as self._told:
            is_announced = False
            while self._is_startable():
                self._start_missing()
                if self._wait(self._until_next_start()):
                    return self._stop(0)
                if not is_announced and self._are_all_ready():
                    is_announced = True
                    self._on_ready()
            log.error(
                f"workers do not start: {len(self._failed)} tries failed within {FAILED_STARTS_WITHIN_S:.0f} s; giving up"
            )
            return self._stop(1)

    def _is_startable(self) -> bool:
        now = time.monotonic()
        self._failed = [at for at in self._failed if now - at < FAILED_STARTS_WITHIN_S]
        return len(self._failed) < FAILED_STARTS_MAX

    def _start_missing(self) -> None:
        if time.monotonic() >= self._next_start:
            for _ in range(self._count - len(self._workers)):
                self._start()

    def _until_next_start(self) -> float | None:
        return None if len(self._workers) == self._count else max(0.0, self._next_start - time.monotonic())

    def _are_all_ready(self) -> bool:
        return len(self._workers) == self._count and all(worker.is_ready for worker in self._workers.values())

    def _start(self) -> None:
        is_ready, ready = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        # Who is told to stop before it has handlers of its own must not run the parent's.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        pid = os.fork()
        if pid == 0:
            self._be_worker(Lifeline(self._parent_gone, ready), is_ready)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        os.close(ready)
        self._workers[pid] = _Worker(time.monotonic(), is_ready)

    def _be_worker(self, lifeline: Lifeline, is_ready: int) -> NoReturn:
        """A worker's life. It ends here, whatever happens: what the parent does at its exit is not the worker's to do."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            others = [worker.ready_pipe for worker in self._workers.values()]
            for descriptor in (*self._told, self._parent_alive, is_ready, *others):
                os.close(descriptor)
            self._work(lifeline)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _wait(self, seconds: float | None) -> bool:
        """Waits for something to happen to the workers; whether to stop was asked meanwhile."""
        starting = {worker.ready_pipe: worker for worker in self._workers.values() if not worker.is_ready}
        told = self._told[0]
        readable, _, _ = select.select([told, *starting], [], [], seconds)
        for pipe in starting.keys() & readable:
            starting[pipe].is_ready = os.read(pipe, 1) == b"1"
        numbers = os.read(told, 4096) if told in readable else b""
        self._bury()
        return any(number in STOPPING for number in numbers)

    def _bury(self) -> None:
        """Forgets the workers that died, with a line for each."""
        for pid, worker in list(self._workers.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                os.close(self._workers.pop(pid).ready_pipe)
                self._on_end(pid)
                if not self._is_stopping:
                    self._mourn(pid, worker, status)

    def _mourn(self, pid: int, worker: _Worker, status: int) -> None:
        now = time.monotonic()
        if not worker.is_ready or now - worker.started < YOUNG_S:
            self._failed.append(now)
        self._next_start = now + BACKOFF_S[min(len(self._failed), len(BACKOFF_S) - 1)]
        log.warning("a worker ended and is replaced", worker=pid, because=_reason(status))

    def _stop(self, code: int) -> int:
        self._is_stopping = True
        self._on_stop()
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_MAX_S
        while self._workers and (left := deadline - time.monotonic()) > 0:
            if self._wait(left):
                break
        if not self._workers:
            return code
        log.warning("killed what had not ended", workers=list(self._workers))
        self._tell(signal.SIGKILL)
        for pid in self._workers:
            os.waitpid(pid, 0)
        return 1

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._workers:  # none is reaped yet, so its pid is nobody else's
            os.kill(pid, number)


@contextmanager
def _signals() -> Iterator[tuple[int, int]]:
    """A pipe whose first end tells the numbers of signals that came."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before_fd = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    before = {number: signal.signal(number, _is_told) for number in (*STOPPING, signal.SIGCHLD)}
    try:
        yield told, tell
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        os.close(told)
        os.close(tell)


def _is_told(_number: int, _frame: object) -> None:
    """A handler of Python's must be there for the pipe to be written."""


def _reason(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
