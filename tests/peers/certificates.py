"""Certificates of an authority that lives for one test run, as the files that peers want."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority, a server's pair for 127.0.0.1 and localhost, a client's pair."""

    authority: Path
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """A fresh authority and the pairs it signed, written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    files = Certificates(
        folder / "authority.pem",
        folder / "server.pem",
        folder / "server.key",
        folder / "client.pem",
        folder / "client.key",
    )
    authority.cert_pem.write_to_path(str(files.authority))
    for pair, certificate, key in (
        (authority.issue_cert("127.0.0.1", "localhost"), files.server_certificate, files.server_key),
        (authority.issue_cert("client.example"), files.client_certificate, files.client_key),
    ):
        pair.cert_chain_pems[0].write_to_path(str(certificate))
        pair.private_key_pem.write_to_path(str(key))
    return files
