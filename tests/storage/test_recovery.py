"""The recovery code survives the way people write and type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.errors import UsageRefused
from lightproof.storage.recovery import read, written

codes = st.binary(min_size=20, max_size=20)


@given(codes)
def test_a_code_that_was_written_is_read(code: bytes) -> None:
    assert read(written(code)) == code
    assert len(written(code).split("-")) == 9


@given(codes, st.sampled_from([" ", "  ", "–", " - "]))
def test_case_spaces_and_doubtful_signs_do_not_matter(code: bytes, between: str) -> None:
    typed = written(code).lower().replace("0", "o").replace("1", "l").replace("-", between)
    assert read(f"Code: {typed}\n") == code
    assert read(f"that code {typed}") == code


@given(codes, st.integers(0, 44), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_sign_is_noticed(code: bytes, at: int, sign: str) -> None:
    text = written(code)
    changed = text[:at] + sign + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(UsageRefused) as refused:
        read(changed)
    assert refused.value.error_id == "recovery-code-mistyped"
    assert text[:9] not in refused.value.cause


@pytest.mark.parametrize(
    "text", ["", "x", "AAAA-" * 8, "U" * 45, "four word line with some more text than nine word here", "\0" * 99]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(UsageRefused):
        read(text)
