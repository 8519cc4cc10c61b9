"""Reading the whole ledger in order: what the projector follows, on PostgreSQL and on SQLite."""

from application.ledger.ledger_log import LedgerLog, LogRow
from application.ledger.postgres_reader import PostgresLog
from application.ledger.sqlite_reader import SqliteLog

__all__ = ["LedgerLog", "LogRow", "PostgresLog", "SqliteLog"]
