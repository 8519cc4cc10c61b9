"""Use cases, one class per context, and the ledger that they save to."""
