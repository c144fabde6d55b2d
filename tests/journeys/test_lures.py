"""A check goes nowhere but where it was sent, whatever the services it visits say: counted by the kernel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def test_sixty_lures_draw_no_packet_out_of_the_scope() -> None:
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("needs root, for a network of its own")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, str(TESTS / "check" / "lures.py")],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    assert counted["lures"] >= 60
    assert counted["visits"] == counted["lures"]
    assert (counted["packets_outside"], counted["visitors_elsewhere"]) == (0, 0)
    # The counters do count.
    assert counted["packets_after_a_step_outside"] > 0
    assert counted["visitors_after_a_step"] == 1
