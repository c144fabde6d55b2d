"""From a real archive's answers to the letter: what a practice would read."""

from collections.abc import Callable

from check.observing import reported
from check.visiting import visit
from lightproof.evidence.records import ExposureReport, Facts, Grade, Target
from peers.dcmtk import DicomPeer
from peers.orthanc import Orthanc


async def report_of(*targets: Target) -> ExposureReport:
    visits = [await visit(target) for target in targets]
    observations = [observation for seen in visits for observation in seen.observations]
    unchecked = [entry for seen in visits for entry in seen.unchecked]
    return reported(observations, unchecked, targets=len(targets))


async def test_a_default_orthanc_is_open_and_not_listable(orthanc: Callable[..., Orthanc]) -> None:
    running = orthanc()
    made = await report_of(Target(running.address, running.dicom_port))
    (service,) = made.services
    assert service.facts == Facts(reachable=True, open=True, listable=False, downloadable=False)
    assert {"dicom-storage-by-default", "dicom-answers-anyone", "dicom-clear-text"} <= set(made.rules)
    assert "dicom-query-open" not in made.rules
    assert "DicomAlwaysAllowStore" in " ".join(made.rules["dicom-storage-by-default"].texts["fr"].remedy)
    assert made.letter == "E"
    assert made.fixes[-1].letter_after == "A"


async def test_an_archive_guarded_by_its_name_only_is_reachable_and_its_guard_is_called_weak(
    dcmqrscp: Callable[..., DicomPeer],
) -> None:
    running = dcmqrscp()
    made = await report_of(Target(running.address, running.port))
    (service,) = made.services
    assert service.grade is Grade.REACHABLE
    assert service.protections == ("called-ae-checked",)
    assert set(made.rules) == {"dicom-identity-by-name", "dicom-reachable-from-internet", "dicom-clear-text"}
    assert made.letter == "C"
