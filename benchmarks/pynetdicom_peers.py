"""Real pynetdicom servers for the lab: `python pynetdicom_peers.py`, with their seats as JSON on stdin."""

import json
import sys

from pynetdicom import AE
from pynetdicom.sop_class import Verification


def main() -> None:
    for address, port, guard in json.loads(sys.stdin.readline()):
        entity = AE("PYNETDICOM")
        entity.add_supported_context(Verification)
        entity.require_called_aet = guard == "called"
        entity.require_calling_aet = ["FRIEND"] if guard == "calling" else []
        entity.start_server((address, port), block=False)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
