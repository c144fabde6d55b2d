"""A pynetdicom server in a thread: verification, query, retrieval and storage over data sets in memory."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from peers.processes import ADDRESS

QUERIES = (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    ModalityWorklistInformationFind,
)
RETRIEVALS = (PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet)


@dataclass
class PynetdicomPeer:
    """A pynetdicom server that runs now, and what was asked of it."""

    port: int
    ae_title: str
    held: list[Dataset]
    received: list[Dataset] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Names of the DIMSE messages that came: C-ECHO, C-FIND, ..."""
    address: str = ADDRESS


@contextmanager
def running_pynetdicom(
    *,
    ae_title: str = "PYNETDICOM",
    check_called: bool = False,
    allowed_calling: Sequence[str] = (),
    hangs_up: bool = False,
    answers_queries: bool = True,
    answers_retrievals: bool = True,
    stores: bool = True,
    held: Sequence[Dataset] = (),
    filters: bool = True,
    tls: ssl.SSLContext | None = None,
    configure: Callable[[AE], None] | None = None,
    address: str = ADDRESS,
) -> Iterator[PynetdicomPeer]:
    """A server bound to one loopback address. `held` are the data sets that queries match by StudyInstanceUID;

    without `filters` every query matches them all, as careless servers do. `hangs_up`: it closes without a word on
    whoever names another called AE title, as some archives do.
    """
    ae = AE(ae_title=ae_title)
    ae.require_called_aet = check_called
    ae.require_calling_aet = list(allowed_calling)
    ae.network_timeout = 10
    ae.add_supported_context(Verification)
    if answers_queries:
        for uid in QUERIES:
            ae.add_supported_context(uid)
    if answers_retrievals:
        for uid in RETRIEVALS:
            ae.add_supported_context(uid)
    if stores or answers_retrievals:
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
    if configure is not None:
        configure(ae)
    peer = PynetdicomPeer(0, ae_title, list(held))

    def echo(event: evt.Event) -> int:
        peer.requests.append("C-ECHO")
        return 0x0000

    def store(event: evt.Event) -> int:
        peer.requests.append("C-STORE")
        peer.received.append(event.dataset)
        return 0x0000

    def matches(identifier: Dataset) -> list[Dataset]:
        wanted = str(identifier.get("StudyInstanceUID") or "")
        return [data for data in peer.held if not (filters and wanted) or data.StudyInstanceUID == wanted]

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        peer.requests.append("C-FIND")
        for data in matches(event.identifier):
            answer = Dataset()
            for element in event.identifier:
                answer[element.tag] = data.get(element.tag, element)
            yield 0xFF00, answer

    def get(event: evt.Event) -> Iterator[Any]:
        peer.requests.append("C-GET")
        found = matches(event.identifier)
        yield len(found)
        for data in found:
            yield 0xFF00, data

    def requested(event: evt.Event) -> None:
        request = event.assoc.requestor.primitive
        if hangs_up and request is not None and request.called_ae_title != ae_title:
            event.assoc.dul.socket.close()
            event.assoc.kill()

    server = ae.start_server(
        (address, 0),
        block=False,
        ssl_context=tls,
        evt_handlers=[
            (evt.EVT_REQUESTED, requested),
            (evt.EVT_C_ECHO, echo),
            (evt.EVT_C_STORE, store),
            (evt.EVT_C_FIND, find),
            (evt.EVT_C_GET, get),
        ],
    )
    assert server is not None
    peer.port = server.socket.getsockname()[1]
    try:
        yield peer
    finally:
        server.shutdown()
