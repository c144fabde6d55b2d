"""The Merkle tree of RFC 6962 section 2.1, pure: hashes, roots, proofs, and the frontier that an appender keeps.

Rules of this file:
- a subtree is named by its level and its index at that level: (0, 5) is the leaf 5, (2, 1) is over the leaves 4 to 7;
- only whole subtrees are ever stored, so nothing stored changes when leaves are added: all else is computed from them;
- proofs are verified with the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2, not with those that make them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

Lookup = Callable[[int, int], bytes]
"""The hash of the whole subtree with this level and this index."""


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf (RFC 6962 section 2.1); its prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two subtrees (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that appending needs: how many leaves there are, and the whole subtrees that cover them, largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier has one hash for each bit set in its size")

    def appended(self, leaf: bytes) -> tuple["Frontier", tuple[tuple[int, int, bytes], ...]]:
        """The frontier with one more leaf (its hash), and the subtrees made whole by it: level, index, hash."""
        made = [(0, self.size, leaf)]
        kept = list(self.hashes)
        index = self.size
        while index & 1:
            index >>= 1
            made.append((len(made), index, node_hash(kept.pop(), made[-1][2])))
        return Frontier(self.size + 1, (*kept, made[-1][2])), tuple(made)

    def root(self) -> bytes:
        """The root of the tree (MTH in RFC 6962)."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for hash_ in reversed(self.hashes[:-1]):
            root = node_hash(hash_, root)
        return root


def frontier_places(size: int) -> tuple[tuple[int, int], ...]:
    """Level and index of the subtrees of the frontier of a tree of this size, largest first."""
    return tuple((level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1)


def frontier(size: int, lookup: Lookup) -> Frontier:
    """The frontier of the tree of the first `size` leaves."""
    return Frontier(size, tuple(lookup(level, index) for level, index in frontier_places(size)))


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes."""
    grown = Frontier()
    for leaf in leaves:
        grown, _made = grown.appended(leaf)
    return grown.root()


def inclusion_proof(index: int, size: int, lookup: Lookup) -> tuple[bytes, ...]:
    """The audit path of a leaf in the tree of the first `size` leaves (RFC 6962 section 2.1.1), from the leaf upwards.

    Raises ValueError when that tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            path.append(_range_root(middle, end, lookup))
            end = middle
        else:
            path.append(_range_root(start, middle, lookup))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, lookup: Lookup) -> tuple[bytes, ...]:
    """What shows that the tree of `new` leaves begins with the tree of `old` leaves (RFC 6962 section 2.1.2).

    Empty when they are the same tree, or the old one is empty. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError("the old tree must be the smaller one")
    if old in (0, new):
        return ()
    start, end = 0, new
    path: list[bytes] = []
    known = True
    """Whether the subtree in hand is the whole old tree, whose root the verifier has."""
    while old != end:
        middle = start + _largest_power_below(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, lookup))
            end = middle
        else:
            path.append(_range_root(start, middle, lookup))
            start, known = middle, False
    if not known:
        path.append(_range_root(start, end, lookup))
    return tuple(reversed(path))


def includes(proof: Sequence[bytes], leaf: bytes, index: int, size: int, root: bytes) -> bool:
    """Whether the proof shows that the tree with this size and root has this leaf hash there (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def extends(proof: Sequence[bytes], old: int, old_root: bytes, new: int, new_root: bytes) -> bool:
    """Whether the proof shows that the new tree begins with the old one (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def _largest_power_below(count: int) -> int:
    """The largest power of two smaller than `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(start: int, end: int, lookup: Lookup) -> bytes:
    """The root over the leaves from `start` up to `end`: a range that the RFC's own splitting gives."""
    wholes: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        wholes.append(lookup(level, start >> level))
        start += 1 << level
    root = wholes.pop()
    while wholes:
        root = node_hash(wholes.pop(), root)
    return root
