"""Where the log goes: lines on stderr, and never what variables held when something failed.

The library's own choice is to print the local variables of every frame of a traceback, and with
them the headers of a request and the address of the database.
"""

import logging
import sys

import structlog


class _Stderr:
    """Whatever stderr is when a line is written; a test or a program may change it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def log_to_stderr(*, only_errors: bool = False) -> None:
    """Send the log of this process to stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.ERROR if only_errors else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(_Stderr()),  # type: ignore[arg-type] # it writes and flushes, which is all that is asked
        cache_logger_on_first_use=False,
    )
