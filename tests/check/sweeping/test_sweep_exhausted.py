"""A machine that has run out of source ports: the sweep calls from elsewhere on loopback, or says that it could not."""

import json
import os
import shutil
import subprocess
import sys

import pytest

STORY = """
import json, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("40000 40003")
from lightproof.check.sweeping import sweep
from lightproof.check.addresses import range_of
from lightproof.check.sweeping.questions import PICKS_UP
from lightproof.check.targets import Ports, TargetSpace

sweep._ATTEMPTS = 3
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.create_server((sys.argv[1], 4242), backlog=64, family=family)
held = []
try:
    while len(held) < 8:
        held.append(socket.create_connection((sys.argv[1], 4242), timeout=1))
except OSError:
    pass
space = TargetSpace([range_of(sys.argv[1])], Ports.of([4242]))
answers = [a for batch in sweep.Sweep(space=space, question=PICKS_UP).run() for a in batch.answers]
print(json.dumps([len(held), [a.outcome for a in answers]]))
"""


@pytest.mark.parametrize(("address", "outcome"), [("127.0.0.1", "open"), ("::1", "not-tried")])
def test_ports_that_are_all_in_use_are_never_told_as_the_targets_state(address: str, outcome: str) -> None:
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("a network namespace of its own needs root, unshare and ip")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", STORY, address], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [4, [outcome]]
