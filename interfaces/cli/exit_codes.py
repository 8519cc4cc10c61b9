"""What a command's exit code says; scripts may rely on every number here."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The one table of exit codes."""

    OK = 0
    FOUND_WRONG = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    REFUSED = 5
    UNAVAILABLE = 6
    NOT_CURRENT = 7
    BUG = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done, or found in order",
    ExitCode.FOUND_WRONG: "done, and something is wrong: a capacity file, or a record of many",
    ExitCode.USAGE: "the command line or a setting cannot be understood",
    ExitCode.NOT_FOUND: "what was named does not exist",
    ExitCode.CONFLICT: "it contradicts what is true already: full, or booked elsewhere",
    ExitCode.REFUSED: "the input is invalid, and no retry can help",
    ExitCode.UNAVAILABLE: "the ledger cannot be reached or has no tables, or the port is taken; "
    "nothing is wrong with the command",
    ExitCode.NOT_CURRENT: "read models or capacity files cannot be brought up to date; what was "
    "answered is stored",
    ExitCode.BUG: "a fault of this program; please report what it printed",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
    ExitCode.PIPE_CLOSED: "nobody reads the answer any more",
}
assert set(MEANINGS) == set(ExitCode)


def epilog() -> str:
    """Return the table as the help texts show it."""
    return "**Exit codes**\n\n" + "\n".join(
        f"- `{code.value}` {meaning}" for code, meaning in MEANINGS.items()
    )
