"""nginx with a configuration of the test's own, in a folder of the test's own."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.certificates import Certificates
from peers.processes import ADDRESS, program, running

_DAV_EXT = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")


@dataclass(frozen=True)
class Nginx:
    """A web server that runs now; `root` is the folder it serves."""

    port: int
    root: Path
    address: str = ADDRESS


@contextmanager
def running_nginx(
    folder: Path,
    server: str,
    *,
    dav: bool = False,
    certificates: Certificates | None = None,
    only_as: str | None = None,
) -> Iterator[Nginx]:
    """Serves `folder`/root; `server` is the inside of its server block (locations).

    With `only_as`, to those who ask by this name: others are sent away (403), inside TLS before they are in.
    """
    if dav and not _DAV_EXT.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("libnginx-mod-http-dav-ext is not installed")
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    places = " ".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    tls = ""
    if certificates is not None:
        tls = f"ssl_certificate {certificates.server_certificate}; ssl_certificate_key {certificates.server_key};"

    def command(ports: Sequence[int]) -> list[str]:
        listen = f"listen {ADDRESS}:{ports[0]}{' ssl' if tls else ''}"
        strangers = ""
        if only_as is not None:
            refusing = "ssl_reject_handshake on;" if tls else "return 403;"
            strangers = f"server {{ {listen} default_server; {refusing} }}\n"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"{f'load_module {_DAV_EXT};' if dav else ''}\n"
            f"daemon off; master_process off; pid {folder / 'pid'}; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off; {places}\n"
            f"{strangers}server {{ {listen}; server_name {only_as or '_'}; {tls} root {root};\n{server}\n}} }}\n"
        )
        return [program("nginx"), "-e", "stderr", "-p", f"{folder}/", "-c", str(configuration)]

    with running(command, folder / "nginx.log") as (port,):
        yield Nginx(port, root)
