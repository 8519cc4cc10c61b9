"""`capacity doctor`: one verdict on everything, each finding with the command that mends it."""

from interfaces.cli.doors import Door, keep_logs_off_stdout
from interfaces.cli.exit_codes import ExitCode
from interfaces.cli.output import table


def doctor(door: Door) -> None:
    """Look at configuration, schema, stored topics, projections, capacity files and clock.

    Nothing is changed. The exit code is 1 if anything is wrong; what is only good to know does
    not count.

    **Example:** `capacity doctor`
    """
    from interfaces.doctor import PARTS, examine
    from interfaces.service import utc_now

    settings = door.settings
    keep_logs_off_stdout(only_errors=True)
    found = examine(settings, clock=utc_now)
    wrong = [each for each in found if not each.harmless]
    if wrong:
        door.exit_code = ExitCode.FOUND_WRONG
    sound = not wrong
    verdict = "Everything is in order." if sound else f"Found wrong: {len(wrong)}."
    rows = [
        (each.part, "note" if each.harmless else "wrong", each.problem, each.mend) for each in found
    ]
    columns = ("Part", "", "What", "What mends it")
    document = {"sound": sound, "parts": PARTS, "findings": found}
    door.answer(document, verdict, *([table(columns, rows)] if rows else []))
