"""Reading workbooks as they stream by: no formula is evaluated, and no part is unpacked whole."""

from interfaces.xlsx_reading.workbooks import xlsx_tables

__all__ = ["xlsx_tables"]
