"""Factories of real DICOM peers, for every test folder: call one, it runs until the test ends.

    def test_...(orthanc, dcmqrscp, studies):
        archive = dcmqrscp(ae_title="PACS")
        archive.load(paths_of(studies))

For another life time use the `running_...` context managers of the modules beside this one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from peers.certificates import Certificates, make_certificates
from peers.dcmtk import DicomPeer, running_dcmqrscp, running_storescp
from peers.folders import public_folder
from peers.images import Study, write_studies
from peers.miniupnpd import InternetBox, running_miniupnpd
from peers.nfs import NfsServer, running_nfs
from peers.nginx import Nginx, running_nginx
from peers.orthanc import Orthanc, running_orthanc
from peers.pynetdicom_server import PynetdicomPeer, running_pynetdicom
from peers.rsyncd import Rsyncd, running_rsyncd
from peers.samba import Samba, running_samba
from peers.vsftpd import Vsftpd, running_vsftpd


@pytest.fixture
def running_peers() -> Iterator[ExitStack]:
    """What runs until the test ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def dcmqrscp(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DicomPeer]:
    """Starts dcmqrscp; arguments of `running_dcmqrscp`."""

    def start(**arguments: Any) -> DicomPeer:
        return running_peers.enter_context(running_dcmqrscp(tmp_path_factory.mktemp("dcmqrscp"), **arguments))

    return start


@pytest.fixture
def storescp(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DicomPeer]:
    """Starts storescp; arguments of `running_storescp`."""

    def start(**arguments: Any) -> DicomPeer:
        return running_peers.enter_context(running_storescp(tmp_path_factory.mktemp("storescp"), **arguments))

    return start


@pytest.fixture
def orthanc(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Orthanc]:
    """Starts Orthanc: `orthanc({"DicomCheckCalledAet": True}, dicomweb=True, users={...})`."""

    def start(*settings: Any, **arguments: Any) -> Orthanc:
        folder = tmp_path_factory.mktemp("orthanc")
        return running_peers.enter_context(running_orthanc(folder, *settings, **arguments))

    return start


@pytest.fixture
def nginx(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Nginx]:
    """Starts nginx: `nginx("location / { autoindex on; }", dav=True, certificates=...)`."""

    def start(server: str, **arguments: Any) -> Nginx:
        return running_peers.enter_context(running_nginx(tmp_path_factory.mktemp("nginx"), server, **arguments))

    return start


@pytest.fixture
def vsftpd(running_peers: ExitStack) -> Callable[..., Vsftpd]:
    """Starts vsftpd for anonymous visitors: `vsftpd({"anonymous_enable": "NO"}, certificates=...)`."""

    def start(*settings: Any, **arguments: Any) -> Vsftpd:
        folder = running_peers.enter_context(public_folder())
        return running_peers.enter_context(running_vsftpd(folder, *settings, **arguments))

    return start


@pytest.fixture
def samba(running_peers: ExitStack) -> Callable[..., Samba]:
    """Starts smbd: `samba({"IMAGES": {"path": "%(root)s", "guest ok": "yes"}}, {"server signing": "mandatory"})`."""

    def start(*settings: Any) -> Samba:
        folder = running_peers.enter_context(public_folder())
        return running_peers.enter_context(running_samba(folder, *settings))

    return start


@pytest.fixture
def rsyncd(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rsyncd]:
    """Starts an rsync daemon: `rsyncd({"images": {"path": "%(root)s"}}, {"motd file": ...})`."""

    def start(*settings: Any) -> Rsyncd:
        return running_peers.enter_context(running_rsyncd(tmp_path_factory.mktemp("rsyncd"), *settings))

    return start


@pytest.fixture
def nfs_server(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., NfsServer]:
    """Starts rpcbind and rpc.mountd in a network of their own: `nfs_server({"/srv/images": ["*"]})`."""

    def start(*arguments: Any) -> NfsServer:
        return running_peers.enter_context(running_nfs(tmp_path_factory.mktemp("nfs"), *arguments))

    return start


@pytest.fixture
def internet_box(running_peers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., InternetBox]:
    """Starts miniupnpd in a network of its own: `internet_box(["force_igd_desc_v1=yes"], ["-z", "Livebox"])`."""

    def start(*settings: Any, **arguments: Any) -> InternetBox:
        folder = tmp_path_factory.mktemp("miniupnpd")
        return running_peers.enter_context(running_miniupnpd(folder, *settings, **arguments))

    return start


@pytest.fixture
def pynetdicom_scp(running_peers: ExitStack) -> Callable[..., PynetdicomPeer]:
    """Starts a pynetdicom server; arguments of `running_pynetdicom`."""

    def start(**arguments: Any) -> PynetdicomPeer:
        return running_peers.enter_context(running_pynetdicom(**arguments))

    return start


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """PEM files of an authority that lives for this run."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, ...]:
    """Three studies of invented patients, two instances each; their `canaries` must never come out of lightproof."""
    return write_studies(tmp_path_factory.mktemp("studies"), 3, instances=2)
