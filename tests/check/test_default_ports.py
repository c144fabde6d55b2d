"""The ports that a check tries unless told otherwise: where imaging and its files are found."""

from lightproof.check.detectors import default_ports

FOUND_AT = {
    "DICOM": {104, 1045, 2345, 2761, 2762, 4000, 4006, 4030, 4242, 4560, 5678, 6666, 11112},
    "web": {80, 443, 3000, 3333, 5000, 5001, 8000, 8042, 8043, 8080, 8443},
    "HL7": {2575, 2576, 6661, 12575},
    "shares": {21, 990, 139, 445, 873, 111, 2049, 20_048, 5005, 9000, 9001},
}
MOST = 60
"""What a whole practice is measured with (benchmarks/practice.py)."""


def test_every_port_where_imaging_is_known_to_be_is_tried() -> None:
    assert {service: ports - set(default_ports()) for service, ports in FOUND_AT.items()} == {
        service: set[int]() for service in FOUND_AT
    }
    assert len(default_ports()) <= MOST
