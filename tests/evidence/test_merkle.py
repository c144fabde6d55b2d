"""The vectors of the certificate-transparency project, the RFC's recursive definitions, and properties over sizes."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    Lookup,
    consistency_proof,
    extends,
    frontier,
    frontier_places,
    includes,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
)

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
B = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
CD = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
E = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
EF = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
GH = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
ABCD = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
EFGH = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION = [(0, 1, []), (0, 8, [B, CD, EFGH]), (5, 8, [E, GH, ABCD]), (2, 3, [ROOTS[1]]), (1, 5, [A, CD, E])]
CONSISTENCY = [(1, 1, []), (1, 8, [B, CD, EFGH]), (6, 8, [EF, GH, ABCD]), (2, 5, [CD, E])]

sizes = st.integers(1, 300)


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word, over leaf hashes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(by_definition(leaves[:k]), by_definition(leaves[k:]))


def whole_subtrees(leaves: list[bytes]) -> Lookup:
    def lookup(level: int, index: int) -> bytes:
        start, end = index << level, (index + 1) << level
        assert end <= len(leaves), "only whole subtrees may be asked for"
        return by_definition(leaves[start:end])

    return lookup


def test_the_roots_are_those_of_certificate_transparency() -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]
    assert [root(leaves[:size]).hex() for size in range(1, 9)] == ROOTS
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int, proof: list[str]) -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]
    assert [step.hex() for step in inclusion_proof(index, size, whole_subtrees(leaves))] == proof
    assert includes([bytes.fromhex(step) for step in proof], leaves[index], index, size, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(old: int, new: int, proof: list[str]) -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]
    assert [step.hex() for step in consistency_proof(old, new, whole_subtrees(leaves))] == proof
    old_root, new_root = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert extends([bytes.fromhex(step) for step in proof], old, old_root, new, new_root)


@given(sizes)
def test_the_frontier_gives_the_root_of_the_definition_and_every_whole_subtree_once(size: int) -> None:
    leaves = hashes(size)
    grown, made = Frontier(), dict[tuple[int, int], bytes]()
    for leaf in leaves:
        grown, new = grown.appended(leaf)
        for level, index, hash_ in new:
            assert (level, index) not in made
            made[level, index] = hash_
    lookup = whole_subtrees(leaves)
    assert grown.root() == root(leaves) == by_definition(leaves)
    assert made == {
        (level, index): lookup(level, index)
        for level in range(size.bit_length())
        for index in range(size >> level)
    }  # fmt: skip
    assert frontier(size, lookup) == grown
    assert [made[place] for place in frontier_places(size)] == list(grown.hashes)


@given(st.data())
def test_every_inclusion_proof_convinces_of_its_leaf_and_of_nothing_else(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    top = root(leaves)
    proof = inclusion_proof(index, size, whole_subtrees(leaves))
    assert includes(proof, leaves[index], index, size, top)
    assert not includes(proof, leaf_hash(b"other"), index, size, top)
    assert not includes(proof, leaves[index], index, size, leaf_hash(b"other"))
    assert not includes([*proof, top], leaves[index], index, size, top)
    assert not includes(proof, leaves[index], size, size, top)
    assert not includes(proof, leaves[index], -1, size, top)
    other = data.draw(st.integers(0, size - 1))
    assert includes(proof, leaves[index], other, size, top) == (other == index)
    if proof:
        assert not includes(proof[:-1], leaves[index], index, size, top)
        changed = data.draw(st.integers(0, len(proof) - 1))
        altered = [leaf_hash(b"other") if number == changed else step for number, step in enumerate(proof)]
        assert not includes(altered, leaves[index], index, size, top)


@given(st.data())
def test_every_consistency_proof_convinces_of_its_two_trees_and_of_no_others(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(0, new))
    leaves = hashes(new)
    top, before = root(leaves), root(leaves[:old])
    proof = consistency_proof(old, new, whole_subtrees(leaves))
    assert extends(proof, old, before, new, top)
    assert not extends([*proof, top], old, before, new, top)
    assert not extends(proof, old, leaf_hash(b"other"), new, top)
    if old:
        assert not extends(proof, old, before, new, leaf_hash(b"other"))
        forked = [*leaves[: old - 1], leaf_hash(b"other"), *leaves[old:]]
        forged = consistency_proof(old, new, whole_subtrees(forked))
        assert not extends(forged, old, before, new, root(forked))
    if proof:
        assert not extends(proof[:-1], old, before, new, top)
        changed = data.draw(st.integers(0, len(proof) - 1))
        altered = [leaf_hash(b"other") if number == changed else step for number, step in enumerate(proof)]
        assert not extends(altered, old, before, new, top)


def test_what_no_tree_has_is_refused() -> None:
    lookup = whole_subtrees(hashes(4))
    for index, size in ((4, 4), (-1, 4), (0, 0)):
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion_proof(index, size, lookup)
    for old, new in ((5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="the smaller one"):
            consistency_proof(old, new, lookup)
    assert not extends([], 5, EMPTY_ROOT, 4, EMPTY_ROOT)
    assert not extends([], 3, EMPTY_ROOT, 4, EMPTY_ROOT)
    assert extends([], 0, EMPTY_ROOT, 0, EMPTY_ROOT)
    with pytest.raises(ValueError, match="one hash for each bit"):
        Frontier(3, (b"",))
