"""The root key gives other keys and keeps itself."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.storage.root_key import RootKey

ROOT = RootKey(bytes(range(32)))


def test_derived_keys_stay_the_same_for_ever() -> None:
    # A home made by an earlier version must open: RFC 5869 over this input, computed with openssl kdf.
    assert ROOT.derive("database").hex() == "e2e5824af85775fffdfefa3f4dff8240755abc031fcbe141d162a81da167a2e4"


@given(st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
def test_each_purpose_has_a_key_of_its_own(purposes: list[str]) -> None:
    assert len({ROOT.derive(purpose) for purpose in purposes}) == len(purposes)


@pytest.mark.parametrize("length", [16, 32, 64])
def test_a_derived_key_is_as_long_as_asked(length: int) -> None:
    assert len(ROOT.derive("x", length)) == length


def test_a_key_without_a_purpose_is_not_derived() -> None:
    with pytest.raises(ValueError, match="purpose"):
        ROOT.derive("")


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_root_key_is_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        RootKey(bytes(length))


def test_its_bytes_are_not_shown_nor_pickled() -> None:
    shown = f"{ROOT} {ROOT!r} {[ROOT]}"
    assert "hidden" in shown
    assert all(ROOT.exposed().hex()[at : at + 8] not in shown for at in range(56))
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(ROOT)


def test_equal_keys_are_equal_and_have_no_hash() -> None:
    assert RootKey(bytes(32)) == RootKey(bytes(32))
    assert RootKey(bytes(32)) != ROOT
    with pytest.raises(TypeError):
        hash(ROOT)
