"""The schema of the output: the closed list of error names is the one that the program has."""

from formats.errors import EXIT_CODES
from tests.conftest import SCHEMA


def test_the_schema_lists_every_error_name_and_no_other() -> None:
    (result,) = (kind for kind in SCHEMA["oneOf"] if "error" in kind.get("properties", {}))
    (error,) = (kind for kind in result["properties"]["error"]["anyOf"] if "properties" in kind)
    names = error["properties"]["name"]["enum"]
    assert names == sorted(EXIT_CODES)
