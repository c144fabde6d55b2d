"""A ledger read by the transparency-log libraries of the Go project: what is whole, and every tampering of it."""

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence import test_export as exports
from evidence.test_export import KEY, Exported, Forger, grown
from lightproof.evidence.checkpoint import Signer
from lightproof.evidence.export import proof
from lightproof.evidence.ledger import Ledger
from lightproof.storage.migrate import open_database
from peers.processes import program

_SOURCE = Path(__file__).parent / "stock_tlog" / "main.go"
_LIBRARIES = Path("/usr/share/gocode")
CHANGES = (
    exports.a_byte_of_the_log, exports.a_field, exports.back_dated, exports.dropped, exports.reordered, exports.doubled,
    exports.replayed, exports.replayed_as_new, exports.rolled_back, exports.forked,
    exports.forked_under_the_same_checkpoints,
)  # fmt: skip
"""Those of the log itself: what an erasure tells and which files belong to it is ours, and no tool of the trade's."""

Ask = Callable[..., str]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks the tool; the answer is `whole` or what is wrong."""
    if not (_LIBRARIES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("golang-golang-x-mod-dev is not installed")
    folder = tmp_path_factory.mktemp("stock-tlog")
    environment = {
        **os.environ, "GOPATH": str(_LIBRARIES), "GO111MODULE": "off", "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "", "GOPROXY": "off",
    }  # fmt: skip
    tool = folder / "stock-tlog"
    subprocess.run([program("go"), "build", "-o", tool, _SOURCE], env=environment, check=True, timeout=300)
    with subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def ask(**question: object) -> str:
            asked.write(json.dumps(question) + "\n")
            asked.flush()
            return told.readline().strip()

        yield ask
        asked.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_database(tmp_path / "ledger.db", KEY) as database:
        yield grown(Ledger(database, Signer(KEY)), 12)


def unseen(ask: Ask, ledger: Ledger, folder: Path, times: int) -> list[str]:
    """The tamperings that the tool took for a whole ledger."""
    exported = Exported.of(ledger, folder / "export")
    forger, rng = Forger(folder), random.Random(20201210)

    def verify() -> None:
        said = ask(folder=str(exported.folder), key=exported.key, witnessed=exported.witnessed)
        assert said == "whole", said

    assert exported.problems({}, verify) == []
    missed: list[str] = []
    for number in range(times):
        change = CHANGES[number % len(CHANGES)]
        changed = change(exported, rng, forger)
        if any(exported.files.get(name) != content for name, content in changed.items()):
            missed += [] if exported.problems(changed, verify) else [change.__name__]
    return missed


def test_a_stock_tool_finds_every_tampering_of_the_log(ask: Ask, ledger: Ledger, tmp_path: Path) -> None:
    assert unseen(ask, ledger, tmp_path, 400) == []


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_a_stock_tool_finds_ten_thousand_tamperings_of_the_log(ask: Ask, ledger: Ledger, tmp_path: Path) -> None:
    assert unseen(ask, ledger, tmp_path, 10_000) == []


def test_a_stock_tool_verifies_the_proof_of_every_entry_and_no_other(ask: Ask, ledger: Ledger) -> None:
    for index in range(ledger.size()):
        shown = json.loads(proof(ledger, index))
        asked = {name: shown[name] for name in ("index", "line", "proof", "checkpoint")}
        assert ask(key=shown["key"], proof=asked) == "whole"
        assert ask(key=shown["key"], proof={**asked, "line": asked["line"].replace("Demo", "Dome")}) != "whole"
        assert ask(key=shown["key"], proof={**asked, "index": index + 1}) != "whole"
        assert ask(key=str(Signer(bytes(32)).key), proof=asked) != "whole"
