"""Reports as files: what the table is about stands beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.output import many, note

if TYPE_CHECKING:
    from interfaces.sheets import Sheet
    from projections.role_capacity import Question

CsvFile = Annotated[
    Path | None, typer.Option("--csv", help="Write all rows into this file.", metavar="FILE")
]
XlsxFile = Annotated[
    Path | None, typer.Option("--xlsx", help="Write all rows into this file.", metavar="FILE")
]


def write_files(
    csv_file: Path | None,
    xlsx_file: Path | None,
    sheet: "Callable[[], Sheet]",
    question: "Question",
    about: dict[str, Any],
) -> None:
    """Write a table; what it is about stands beside it in XLSX, and is said where it is CSV."""
    from interfaces.role_capacity import question_texts
    from interfaces.sheets import write_csv, write_xlsx

    details = about | question_texts(question)
    if csv_file is not None:
        with csv_file.open("wb") as file:
            rows = write_csv(file, sheet())
        said = " ".join(f"{name}={value}" for name, value in details.items())
        note(f"Wrote {many(rows, 'row')} into {csv_file}: {said}")
    if xlsx_file is not None:
        with xlsx_file.open("wb") as file:
            rows = write_xlsx(file, [sheet()], details=list(details.items()))
        note(f"Wrote {many(rows, 'row')} into {xlsx_file}")
