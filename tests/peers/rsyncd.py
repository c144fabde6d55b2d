"""rsync as a daemon, with a configuration of the test's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers.processes import ADDRESS, program, running


@dataclass(frozen=True)
class Rsyncd:
    """An rsync daemon that runs now; `root` is the folder that its modules are paths of."""

    port: int
    root: Path
    address: str = ADDRESS


@contextmanager
def running_rsyncd(
    folder: Path, modules: Mapping[str, Mapping[str, str]] | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Rsyncd]:
    """Unless told otherwise `folder`/root is the module `images`, open to all.

    `modules`: options of rsyncd.conf by module, `%(root)s` standing for that folder; `settings`: its global ones.
    """
    server = program("rsync")
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    chosen = modules if modules is not None else {"images": {"path": "%(root)s"}}
    lines = [f"{name} = {value}" for name, value in (settings or {}).items()]
    lines += ["use chroot = no", "reverse lookup = no", f"log file = {folder / 'transfers.log'}"]
    for module, options in chosen.items():
        lines += [f"[{module}]", *(f"{name} = {value}" for name, value in options.items())]
    configuration = folder / "rsyncd.conf"
    configuration.write_text("\n".join(lines).replace("%(root)s", str(root)) + "\n")

    def command(ports: Sequence[int]) -> list[str]:
        options = ["--daemon", "--no-detach", f"--config={configuration}", f"--port={ports[0]}", f"--address={ADDRESS}"]
        return [server, *options]

    with running(command, folder / "rsyncd.log") as (port,):
        yield Rsyncd(port, root)
