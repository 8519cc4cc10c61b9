"""Checkpoints of the past are left while the ledger is followed, beside whoever follows it."""

import threading
from functools import partial

import structlog

from projections.past import PastFailed
from projections.past_files import PastFiles, PastStopped

_log = structlog.get_logger(__name__)


class CheckpointKeeper:
    """A thread that leaves a checkpoint whenever the read models have come far enough.

    A checkpoint that cannot be left is reported, and tried again at the next: without it
    questions about the past take longer, and that is all.
    """

    def __init__(self, files: PastFiles) -> None:
        self._files = files
        self._news = threading.Condition()
        self._position, self._stopping = 0, False
        self._thread: threading.Thread | None = None

    def reached(self, position: int) -> None:
        """Say how far the read models are; returns at once."""
        step = self._files.limits.checkpoint_events
        with self._news:
            if position // step > self._position // step:
                self._news.notify()
            self._position = max(self._position, position)

    def start(self) -> None:
        """Begin to keep checkpoints."""
        self._thread = threading.Thread(target=self._keep, name="checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a checkpoint that is being made is given up."""
        self._files.stop()
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()

    def _keep(self) -> None:
        step, done = self._files.limits.checkpoint_events, 0
        while True:
            with self._news:
                self._news.wait_for(partial(self._is_due, done))
                if self._stopping:
                    return
                done = self._position // step
            try:
                self._files.keep_up(done * step)
            except PastStopped:
                return
            except (PastFailed, ConnectionError) as error:
                _log.warning("a checkpoint of the past could not be left", error=str(error))

    def _is_due(self, done: int) -> bool:
        return self._stopping or self._position // self._files.limits.checkpoint_events > done
