"""Observations as evidence: their one order, their digest, and what each shows in a line of text.

The digest is printed on every page of a report: whoever holds the observations can compute it again.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from lightproof.evidence.records import Observation

_LONGEST_DETAIL: Final = 80


def in_order(observations: Iterable[Observation]) -> tuple[tuple[Observation, ...], str]:
    """The observations in their one order, each once, and the SHA-256 of their canonical JSON (one array)."""
    entries = {canonical(observation): observation for observation in observations}
    ordered = sorted(entries)
    digest = hashlib.sha256()
    digest.update(b"[")
    for number, text in enumerate(ordered):
        digest.update(b"," if number else b"")
        digest.update(text.encode("ascii"))
    digest.update(b"]")
    return tuple(entries[text] for text in ordered), digest.hexdigest()


def canonical(observation: Observation) -> str:
    """One observation as canonical JSON: keys sorted, no space, ASCII, time in UTC to the microsecond."""
    proof = observation.proof
    facts = observation.facts
    return _ENCODER.encode(
        {
            "at": observation.at.isoformat(timespec="microseconds"),
            "counts": dict(observation.counts),
            "detector": observation.detector,
            "details": dict(observation.details),
            "facts": [facts.reachable, facts.open, facts.listable, facts.downloadable, facts.writable],
            "product": observation.product,
            "proof": proof and [proof.request, proof.request_sha256, proof.response, proof.status, proof.length],
            "protections": list(observation.protections),
            "service": observation.service,
            "signal": observation.signal,
            "target": [observation.target.address, observation.target.port, observation.target.transport],
            "version": observation.version,
        }
    )


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def evidence_of(observation: Observation) -> str:
    """What was asked and answered, in the protocol's words, the same in every language."""
    proof = observation.proof
    if proof is None:
        told = observation.signal
    else:
        told = f"{proof.request}: {proof.response}"
        if proof.status is not None and proof.status not in proof.response:
            told += f", {proof.status}"
        if proof.length is not None:
            told += f", {proof.length} B"
    details = [
        f"{name}={str(value)[:_LONGEST_DETAIL]}"
        for name, value in sorted(observation.details.items())
        if value is not None and value != ""
    ]
    return plain(told + (f" [{', '.join(details)}]" if details else ""))


def plain(text: str) -> str:
    """Without control, reordering or invisible characters: evidence is copied into terminals and mails."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)
