"""Where things stand in a TOML file, whatever stands around them."""

import tomllib

from lightproof.toml_lines import places

FILE = """\
# targets = [
purpose = \"\"\"
targets = [ "no" ]
\"\"\"
'basis' = "own" # = [
targets = [ # the first is on the next line
  "192.0.2.1", '192.0.2.2',  # "and" [this]
  # "192.0.2.3",
  7,
  { a = [1, 2], b = "]" }, [
    1, 2],
  2026-01-01 10:00:00,
]
"exclude" = []
other.name = 1

[table]
inside = ["x"]
targets = []

  [ table . "deep" ]
'a' . b = 1
"""


def test_fields_and_entries_are_found_on_their_lines() -> None:
    assert set(tomllib.loads(FILE)) <= set(found := places(FILE))
    assert {name: found[name].line for name in ("purpose", "basis", "targets", "exclude", "other", "table")} == {
        "purpose": 2,
        "basis": 5,
        "targets": 6,
        "exclude": 14,
        "other": 15,
        "table": 17,
    }
    assert found["targets"].entries == [7, 7, 9, 10, 10, 12]
    assert found["exclude"].entries == []
    assert places("[last]")["last"].line == 1
    assert len(places(f"{'a.' * 100_000}a = 1")) < 100
    assert {name: found[name].line for name in found if "." in name} == {
        "other.name": 15,
        "table.inside": 18,
        "table.targets": 19,
        "table.deep": 21,
        "table.deep.a": 22,
        "table.deep.a.b": 22,
    }
