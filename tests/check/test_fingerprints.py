"""Fingerprints tell the product, and survive whatever a stranger calls himself."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.fingerprints import Portal, dicom_product, favicon_mmh3, http_portal, murmur3_32


@pytest.mark.parametrize(
    ("uid", "name", "expected"),
    [
        ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367", ("DCMTK", "3.6.7")),
        ("1.2.276.0.7230010.3.0.3.7.0", "", ("DCMTK", "3.7.0")),
        ("1.2.3", "OFFIS_DCMTK_362", ("DCMTK", "3.6.2")),
        ("1.2.3", "OFFIS-DCMTK-311", ("DCMTK", "3.1.1")),
        ("1.2.276.0.7238010.5.0.3.5.4", "OSIRIX", ("Horos", None)),
        ("1.2.276.0.7230010.3.0.3.6.1", "OSIRIX_361", ("OsiriX", None)),
        ("1.2.276.0.7230010.3.0.3.6.1", "OFFIS_DCMTK_361", ("DCMTK", "3.6.1")),
        ("1.3.6.1.4.1.19291.2.1", "OSIRIX001", ("Horos/OsiriX", None)),
        ("1.2.826.0.1.3680043.8.641.1", "", ("Orthanc", None)),
        ("1.2.40.0.13.1.3", "dcm4che-5.31.0", ("dcm4chee-arc 5", "5.31.0")),
        ("1.2.40.0.13.1.1.1", "dcm4che-1.4.35", ("dcm4chee 2.x", "1.4.35")),
        ("1.3.6.1.4.1.30071.8", "fo-dicom 5.0.4", ("fo-dicom", "5.0.4")),
        ("1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_304", ("pynetdicom", "3.0.4")),
        ("1.2.826.0.1.3680043.2.135.1066.101", "1.4.13/WIN32", ("ConQuest", "1.4.13")),
        ("1.2.840.113619.6.5", "1_2_5", ("GE Healthcare", None)),
        ("1.2.3.4", "SOMETHING", None),
        ("", "", None),
    ],
)
def test_an_implementation_is_known_by_its_identifiers(
    uid: str, name: str, expected: tuple[str, str | None] | None
) -> None:
    assert dicom_product(uid, name) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_identifiers_are_survived(uid: str, name: str) -> None:
    found = dicom_product(uid, name)
    assert found is None or len(found[1] or "") <= 40


def test_a_portal_is_known_by_its_title_header_body_or_icon() -> None:
    assert http_portal(title=" Orthanc Explorer ") == Portal(product="Orthanc")
    assert http_portal(title="Horos Web Portal") == Portal(product="Horos")
    assert http_portal(headers={"x-super-powered-by": "VIZTEK EXA 1"}) == Portal(product="Exa PACS")
    page = "<p>Welcome to PacsOne Server 6.6.2</p>"
    assert http_portal(body_start=page) == Portal(product="PacsOne", version="6.6.2")
    assert http_portal(title="My garden", body_start="<h1>Tomatoes</h1>", favicon=b"icon") is None
    assert http_portal() is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"hello", 0x248BFA47),
        (b"hello, world", 0x149BBB7F),
        (b"The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_the_icon_hash_agrees_with_public_vectors(data: bytes, expected: int) -> None:
    assert murmur3_32(data) == expected


def test_the_icon_hash_is_signed_and_of_the_base64_with_its_line_end() -> None:
    for icon in (b"a", b"ab", b"abc", bytes(400)):
        hashed = murmur3_32(base64.encodebytes(icon))
        assert favicon_mmh3(icon) % 2**32 == hashed
        assert -(2**31) <= favicon_mmh3(icon) < 2**31
