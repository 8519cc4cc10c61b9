"""The command line: `capacity ...`."""

import gc
import sys
import traceback

# What is imported stays; looking through it again and again took a tenth of a short command.
_COLLECT_AFTER = (100_000, 20, 100)


def main() -> None:
    """Run the command line, and end the process with one of the documented exit codes."""
    gc.set_threshold(*_COLLECT_AFTER)
    from typer.exceptions import Exit, TyperException

    from interfaces.cli.app import app, leave_out_all_but
    from interfaces.cli.exit_codes import ExitCode
    from interfaces.cli.problems import Problem

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # text streams here
    leave_out_all_but(sys.argv[1:2])
    try:
        if "--json" not in sys.argv:
            app(prog_name="capacity")
        # Typer draws what it cannot understand in a box; a script wants JSON there too.
        sys.exit(app(prog_name="capacity", standalone_mode=False))
    except TyperException as error:
        Problem(ExitCode.USAGE, "usage", error.format_message()).say(as_json=True)
        sys.exit(ExitCode.USAGE)
    except Exit as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception:
        traceback.print_exc()
        sys.exit(ExitCode.BUG)
