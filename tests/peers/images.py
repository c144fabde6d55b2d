"""Synthetic DICOM files with invented people, whose names are canaries: no output of ours may ever contain them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


@dataclass(frozen=True)
class InventedPatient:
    """Nobody. Every value is unlike anything a program would write by itself."""

    name: str
    patient_id: str
    birth_date: str


PATIENTS = tuple(
    InventedPatient(f"CANARY{chr(65 + i)}^ZEBULON", f"CANARY-ID-{7_340_910 + i}", f"18{87 - i:02d}0713")
    for i in range(8)
)


@dataclass(frozen=True)
class Study:
    """A study written to files, and every text about its patient that must not come out of lightproof."""

    patient: InventedPatient
    study_uid: str
    series_uid: str
    instance_uids: tuple[str, ...]
    paths: tuple[Path, ...]

    @property
    def canaries(self) -> tuple[str, ...]:
        """Search every output for these: whole values, and the family name alone."""
        patient = self.patient
        family = patient.name.split("^")[0]
        return (family, patient.patient_id, patient.birth_date, self.study_uid, self.series_uid, *self.instance_uids)


def an_instance(
    patient: InventedPatient = PATIENTS[0],
    *,
    study_uid: str | None = None,
    series_uid: str | None = None,
    sop_class_uid: str = SecondaryCaptureImageStorage,
    explicit: bool = True,
    side: int = 8,
) -> Dataset:
    """One small grey image."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.SOPClassUID = sop_class_uid
    image.SOPInstanceUID = generate_uid()
    image.StudyDate = "20200229"
    image.StudyTime = "101112"
    image.AccessionNumber = "DEMO1"
    image.Modality = "OT"
    image.StudyDescription = "SYNTHETIC"
    image.ReferringPhysicianName = ""
    image.PatientName = patient.name
    image.PatientID = patient.patient_id
    image.PatientBirthDate = patient.birth_date
    image.PatientSex = "O"
    image.StudyInstanceUID = study_uid or generate_uid()
    image.SeriesInstanceUID = series_uid or generate_uid()
    image.StudyID = "1"
    image.SeriesNumber = 1
    image.InstanceNumber = 1
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = side
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelRepresentation = 0
    image.PixelData = bytes(side * side)
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    return image


def write_study(folder: Path, patient: InventedPatient = PATIENTS[0], *, instances: int = 1) -> Study:
    """A study of one series in `folder` (made when needed)."""
    folder.mkdir(parents=True, exist_ok=True)
    study_uid, series_uid = generate_uid(), generate_uid()
    images = [an_instance(patient, study_uid=study_uid, series_uid=series_uid) for _ in range(instances)]
    paths: list[Path] = []
    for number, image in enumerate(images, 1):
        image.InstanceNumber = number
        paths.append(folder / f"{study_uid}.{number}.dcm")
        pydicom.dcmwrite(paths[-1], image, enforce_file_format=True)
    return Study(patient, study_uid, series_uid, tuple(str(i.SOPInstanceUID) for i in images), tuple(paths))


def write_studies(folder: Path, count: int = 2, *, instances: int = 1) -> tuple[Study, ...]:
    """Studies of `count` different invented patients."""
    return tuple(write_study(folder, PATIENTS[i % len(PATIENTS)], instances=instances) for i in range(count))


def paths_of(studies: Iterable[Study]) -> list[Path]:
    """All files of these studies."""
    return [path for study in studies for path in study.paths]


def encoded(data: Dataset, *, explicit: bool) -> bytes:
    """The data set as pydicom encodes it, little endian, without file meta."""
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = not explicit
    write_dataset(buffer, data)
    return buffer.getvalue()


def decoded(raw: bytes, *, explicit: bool) -> Dataset:
    """The data set as pydicom reads it."""
    return pydicom.filereader.read_dataset(DicomBytesIO(raw), is_implicit_VR=not explicit, is_little_endian=True)
