"""Runs the command line as a person does: a process of its own, a home of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def lightproof(*arguments: object, home: Path, language: str = "en", timeout_s: float = 100) -> Ran:
    """Runs `lightproof ARGUMENTS`."""
    done = subprocess.run(
        [sys.executable, "-m", "lightproof", *map(str, arguments)],
        env={**os.environ, "LIGHTPROOF_HOME": str(home), "LIGHTPROOF_LANG": language},
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())
