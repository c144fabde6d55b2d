"""The unique identifiers we name on the wire (PS3.6 annex A), and our own."""

from typing import Final

from lightproof import __version__

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
MODALITY_PERFORMED_PROCEDURE_STEP: Final = "1.2.840.10008.3.1.2.3.3"
BASIC_GRAYSCALE_PRINT: Final = "1.2.840.10008.5.1.1.9"
PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_STUDY_ONLY_FIND: Final = "1.2.840.10008.5.1.4.1.2.3.1"
PATIENT_STUDY_ONLY_GET: Final = "1.2.840.10008.5.1.4.1.2.3.3"
COMPOSITE_INSTANCE_GET: Final = "1.2.840.10008.5.1.4.1.2.4.3"
UNIFIED_PROCEDURE_STEP_PULL: Final = "1.2.840.10008.5.1.4.34.6.3"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"

CR_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.1"
DX_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.1.1"
CT_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.4"
US_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.6.1"
SECONDARY_CAPTURE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.7"
XA_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.12.1"

NOBODYS_STUDY: Final = "2.25.1"
"""A StudyInstanceUID that no study can bear: a query for it proves the query and matches nothing."""

# A UUID of version 8 (RFC 9562) with leading zeros: as unique as any, and 14 bytes shorter in every hello.
IMPLEMENTATION_CLASS_UID: Final = "2.25.663669668721957088832452"
IMPLEMENTATION_VERSION_NAME: Final = "LIGHTPROOF_" + ".".join(__version__.split(".")[:2])
"""At most 16 characters (PS3.7 D.3.3.2.4): major and minor version only."""
