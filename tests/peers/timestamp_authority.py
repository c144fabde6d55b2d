"""A time-stamping authority on loopback: `openssl ts -reply` behind HTTP, certificates made by openssl."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from peers.processes import ADDRESS, program

_CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, serverAuth
[authority]
default_tsa = answers
[answers]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/{signer}.pem
signer_key = {folder}/{signer}.key
{chain}
signer_digest = sha256
default_policy = 1.3.6.1.4.1.13762.3
other_policies = 1.3.6.1.4.1.13762.4
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """Where it listens and what it signs with. `answering` may be replaced: the request's bytes in, the body out."""

    url: str
    folder: Path
    answering: Callable[[bytes], bytes]
    asked: list[bytes] = field(default_factory=list[bytes])
    status: int = 200

    @property
    def root(self) -> Path:
        """PEM of the root certificate."""
        return self.folder / "root.pem"

    def reply(self, request: bytes, *, signer: str = "signer", chain: bool = False) -> bytes:
        """What openssl answers to this request; `chain` puts the root into the answer too."""
        query, answer = self.folder / "query.tsq", self.folder / "answer.tsr"
        query.write_bytes(request)
        answer.unlink(missing_ok=True)
        (self.folder / "serial").exists() or (self.folder / "serial").write_text("01\n")
        configuration = self.folder / "authority.cnf"
        configuration.write_text(
            _CONFIGURATION.format(folder=self.folder, signer=signer, chain=f"certs = {self.root}" if chain else "")
        )
        _openssl(
            self.folder, "ts", "-reply", "-config", configuration, "-section", "answers", "-queryfile", query,
            "-out", answer,
        )  # fmt: skip
        return answer.read_bytes()

    def stamp(self, content: bytes) -> bytes:
        """An answer to a request for this content that openssl makes."""
        (self.folder / "content").write_bytes(content)
        request = self.folder / "own.tsq"
        _openssl(self.folder, "ts", "-query", "-data", self.folder / "content", "-sha256", "-cert", "-out", request)
        return self.reply(request.read_bytes())

    def certify(self, name: str, *, section: str = "signer", days: str = "30", key: str = "EC") -> None:
        """Makes `name.pem` and `name.key`, signed by the root."""
        kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256") if key == "EC" else ("-newkey", "rsa:2048")
        pem, wish = self.folder / f"{name}.pem", self.folder / f"{name}.csr"
        extensions = self.folder / "root.cnf"
        _openssl(
            self.folder, "req", *kind, "-nodes", "-keyout", self.folder / f"{name}.key", "-out", wish,
            "-subj", f"/O=Stamps of a test/CN={name}", "-config", extensions,
        )  # fmt: skip
        _openssl(
            self.folder, "x509", "-req", "-in", wish, "-out", pem, "-CA", self.root, "-CAkey", self.folder / "root.key",
            "-CAcreateserial", "-days", days, "-extfile", extensions, "-extensions", section,
        )  # fmt: skip


def make_authority(folder: Path) -> Authority:
    """An authority's certificates and its answers, without a listener."""
    (folder / "root.cnf").write_text(_CONFIGURATION.format(folder=folder, signer="signer", chain=""))
    _openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-keyout", folder / "root.key", "-out", folder / "root.pem", "-subj", "/O=Stamps of a test/CN=root",
        "-config", folder / "root.cnf", "-extensions", "root",
    )  # fmt: skip
    authority = Authority("", folder, lambda _request: b"")
    authority.certify("signer")
    authority.answering = authority.reply
    return authority


@contextmanager
def running_timestamp_authority(folder: Path) -> Iterator[Authority]:
    """The same, listening on a free loopback port until the block ends."""
    authority = make_authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            authority.asked.append(request)
            body = authority.answering(request)
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, line: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((ADDRESS, 0), Handler)
    authority.url = f"http://{ADDRESS}:{server.server_port}/stamps"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _openssl(folder: Path, *arguments: object) -> None:
    done = subprocess.run(
        [program("openssl"), *map(str, arguments)], cwd=folder, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
