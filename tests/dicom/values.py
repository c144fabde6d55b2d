"""Values of DICOM for properties. Built, not matched: matching an expression takes several times as long."""

from string import ascii_uppercase, digits

from hypothesis import strategies as st

uids = st.builds(
    lambda root, arcs: ".".join(map(str, (root, *arcs))),
    st.integers(1, 2),
    st.lists(st.integers(0, 9_999_999_999), min_size=1, max_size=5),
)
short_texts = st.text(ascii_uppercase + digits + "_", max_size=16)
