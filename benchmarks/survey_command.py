"""The survey as a command: `python survey_command.py FIRST-LAST PORTS [SEED]`; prints what speaks DICOM as JSON."""

import json
import resource
import sys
import time

from lightproof.check.addresses import range_of
from lightproof.check.sweeping.survey import survey
from lightproof.check.targets import Ports, TargetSpace


def main() -> None:
    space = TargetSpace([range_of(sys.argv[1])], Ports.parse(sys.argv[2]))
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    found: list[dict[str, object]] = []
    counts: dict[str, int] = {}
    not_tried = 0
    loaded = time.process_time()
    for batch in survey(space, seed=seed):
        found += [
            {
                "address": seen.place[0],
                "port": seen.place[1],
                "service": seen.service,
                "word": seen.word,
                "presumed": seen.presumed,
            }
            for seen in batch.sightings
        ]
        not_tried += len(batch.not_tried)
        for outcome, count in batch.counts.items():
            counts[outcome] = counts.get(outcome, 0) + count
    answer = {
        "targets": len(space),
        "found": found,
        "not_tried": not_tried,
        "counts": counts,
        "cpu_s": {"to_load": loaded, "to_survey": time.process_time() - loaded},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
