"""What is wrong with a document that people hand in as JSON, in words for them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Invalid


@contextmanager
def json_faults_named() -> Iterator[None]:
    """Turn what `json.loads` raises into Invalid, which says where and why."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise Invalid(("", f"byte {error.start} is not UTF-8")) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Invalid(("", f"no JSON: {error.msg} at {where}")) from None
    except ValueError as error:  # Python's own limit on the digits of an integer
        raise Invalid(("", f"a number is too long: {error}")) from None
    except RecursionError:
        raise Invalid(("", "nested too deeply")) from None
