"""Which revision of the ledger's tables this program works on, and what it says of any other."""

SCHEMA_REVISION = "0002"


class SchemaMissing(Exception):
    """The database has no ledger, or an older one."""

    def __init__(self, found: str) -> None:
        super().__init__(f"The ledger's tables are {found}; run `capacity migrate` first")


class SchemaNewer(Exception):
    """A newer version of the program has migrated the ledger: this one could only harm it."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(
            f"The ledger's tables are at revision {found}, which is newer than {SCHEMA_REVISION}, "
            "the newest that this program knows; use the program that migrated it "
            "(`capacity --version` says which one this is)"
        )


def check_revision(found: str | None) -> None:
    """Raise SchemaMissing or SchemaNewer unless the tables are those of this program."""
    if found is not None and found > SCHEMA_REVISION:  # revisions are numbers of four digits
        raise SchemaNewer(found)
    if found != SCHEMA_REVISION:
        raise SchemaMissing(f"at revision {found}, not {SCHEMA_REVISION}")
