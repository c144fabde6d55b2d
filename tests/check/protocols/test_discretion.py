"""What may name a patient is told from what software and machines are called."""

import pytest

from lightproof.check.protocols.discretion import may_name_a_patient


@pytest.mark.parametrize(
    "text",
    [
        "DUPONT^JEAN",
        "dupont^",
        "Viewer of DUPONT^JEAN^^DR, 3.1",
        "2.25.73409100",
        "export 1.2.826.0.1.3680043.8.498.1",
        "JEAN DUPONT 19600229",
        "patient=19600229",
    ],
)
def test_a_name_an_identifier_or_a_date_of_birth_may_name_a_patient(text: str) -> None:
    assert may_name_a_patient(text)


@pytest.mark.parametrize(
    "text",
    [
        "Livebox 4",
        "Freebox Server",
        "HOROS_400",
        "OFFIS_DCMTK_367",
        "vsFTPd 3.0.3",
        "Microsoft Windows 10.0.19041.1",
        "mainline-20231105",
        "1.12.1+20230517",
        "20231105",
        "PACS",
        "Skype UDP at 192.168.1.20:50211 (2543)",
        "libupnp 1.8.4, 192.168.1.254",
        "00199912345",
    ],
)
def test_what_software_and_machines_are_called_is_told(text: str) -> None:
    assert not may_name_a_patient(text)
