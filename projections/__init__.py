"""Questions and their answers: each module holds its tables, its rules and its queries."""
