"""A check goes nowhere but where it was sent, whatever the services it visits say: counted by the kernel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def test_no_trap_draws_a_packet_a_call_or_a_look_up_out_of_the_scope() -> None:
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("needs root, for a network of its own")
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, str(TESTS / "check" / "lures.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    assert counted["traps"] >= 60
    assert counted["not_visited"] == []
    assert counted["packets"] == {"v4": 0, "v6": 0}
    assert counted["visitors_elsewhere"] == 0
    # One name was given by us: it is looked up once, in both families, and its first answer is kept.
    assert counted["looked_up"] == ["rebinding.lure.internal 1", "rebinding.lure.internal 28"]
    # The counters do count.
    stepped = counted["after_a_step"]
    assert stepped["packets"]["v4"] > 0
    assert stepped["packets"]["v6"] > 0
    assert stepped["visitors_elsewhere"] == 2
    assert stepped["looked_up"] >= 1
