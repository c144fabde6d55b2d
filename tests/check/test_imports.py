"""Files of masscan, zmap and nmap: read as the tools write them, refused with the line when they are not."""

import json
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check import imports
from lightproof.check.addresses import range_of
from lightproof.check.imports import read_import
from lightproof.errors import UsageRefused
from peers.processes import program

MASSCAN_JSON = """[
{   "ip": "192.0.2.7",   "timestamp": "1700000000", "ports": [ {"port": 104, "proto": "tcp", "status": "open"} ] }
,
{   "ip": "192.0.2.8",   "timestamp": "1700000000", "ports": [ {"port": 11112, "proto": "tcp", "status": "open"} ] },
{   "ip": "192.0.2.8",   "timestamp": "1700000000", "ports": [ {"port": 161, "proto": "udp", "status": "open"} ] },
{   "ip": "2001:db8::1",   "timestamp": "1700000000", "ports": [ {"port": 80, "proto": "tcp", "status": "closed"} ] }
{finished: 1}
]
"""
RECORDS = [
    {"ip": "192.0.2.7", "ports": [{"port": 104, "proto": "tcp", "status": "open"}, {"port": 161, "proto": "udp"}]},
    {"ip": "192.0.2.8", "ports": [{"port": 11112, "proto": "tcp", "status": "open"}]},
]
MASSCAN_LIST = (
    "#masscan\nopen tcp 104 192.0.2.7 1700000000\nbanner tcp 104 192.0.2.7 1 x\nopen udp 161 192.0.2.7 1\n# end\n"
)
ZMAP = "saddr,sport,classification,success\n192.0.2.7,104,synack,1\n192.0.2.8,104,rst,0\n\n"
NMAP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap"><host><status state="up"/><address addr="192.0.2.7" addrtype="ipv4"/>
<address addr="00:11:22:33:44:55" addrtype="mac"/>
<ports><port protocol="tcp" portid="104"><state state="open"/></port>
<port protocol="tcp" portid="80"><state state="filtered"/></port>
<port protocol="udp" portid="161"><state state="open"/></port></ports></host></nmaprun>
"""


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "found"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (MASSCAN_JSON, (("192.0.2.7", 104), ("192.0.2.8", 11112))),
        (MASSCAN_LIST, (("192.0.2.7", 104),)),
        (json.dumps(RECORDS), (("192.0.2.7", 104), ("192.0.2.8", 11112))),
        (json.dumps(RECORDS, indent=2), (("192.0.2.7", 104), ("192.0.2.8", 11112))),
        ("\ufeff" + json.dumps(RECORDS, indent="\t").replace("\n", "\r\n"), (("192.0.2.7", 104), ("192.0.2.8", 11112))),
        ("\n".join(map(json.dumps, RECORDS)), (("192.0.2.7", 104), ("192.0.2.8", 11112))),
        (ZMAP, (("192.0.2.7", 104),)),
        ('"saddr","sport"\n"192.0.2.7","104"\n', (("192.0.2.7", 104),)),
        ("\ufeff" + ZMAP, (("192.0.2.7", 104),)),
        (NMAP, (("192.0.2.7", 104),)),
        ("", ()),
        ("  \n", ()),
        ("[\n]\n", ()),
    ],
)
def test_open_tcp_ports_are_found(tmp_path: Path, content: str, found: tuple[tuple[str, int], ...]) -> None:
    assert read_import(written(tmp_path, content)).targets == found


def calling(*names: str, kind: str = "user", state: str = "open") -> str:
    """An nmap file with one machine that was called so."""
    written = "".join(f'<hostname name="{name}" type="{kind}"/>' for name in names)
    return NMAP.replace("<ports>", f"<hostnames>{written}</hostnames>\n<ports>").replace('"open"', f'"{state}"')


def test_names_that_nmap_was_given_are_taken_and_no_others(tmp_path: Path) -> None:
    found = read_import(written(tmp_path, calling("PACS.Example.", "bücher.example", "pacs.example", "127.1")))
    assert [named.name for named in found.names] == ["pacs.example", "xn--bcher-kva.example"]
    assert {named.ranges for named in found.names} == {(range_of("192.0.2.7"),)}
    assert found.targets == (("192.0.2.7", 104),)
    for content in (calling("pacs.example", kind="PTR"), calling("pacs.example", state="closed")):
        assert read_import(written(tmp_path, content)).names == ()


def test_names_without_an_open_port_are_not_gathered_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightproof.check.imports.MOST_NAMES", 3)
    with pytest.raises(UsageRefused, match="import-too-large"):
        read_import(written(tmp_path, calling(*(f"n{number}.example" for number in range(4)), state="closed")))


def test_too_many_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_NAMES", 3)
    with pytest.raises(UsageRefused, match="import-too-large"):
        read_import(written(tmp_path, calling("a.example", "b.example", "c.example", "d.example")))


LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (MASSCAN_JSON.replace("192.0.2.8", "192.0.2"), 4),
        (MASSCAN_JSON.replace("11112", "99999"), 4),
        (MASSCAN_JSON.replace("11112", '"x"'), 4),
        (MASSCAN_JSON.replace("11112", "true"), 4),
        (MASSCAN_JSON.replace('"ports": [ {"port": 11112', '"ports": [ 7, {"port": 11112'), 4),
        ("[\n7,\n", 2),
        (json.dumps(RECORDS, indent=1).replace('"192.0.2.8"', "192.0.2.8"), 17),
        (json.dumps(RECORDS, indent=1).replace("11112", "99999"), 16),
        (json.dumps(RECORDS, indent=1)[:-30], 22),
        ("[\n" + MASSCAN_JSON.splitlines()[1] + "\nÿ", 3),
        (b'[\n{"ip": "192.0.2.7",\n"ports": []},\n{"ip": "\xff"}]', 4),
        ("[" * 60_000, 1),
        ("{" + "a" * 70_000, 1),
        (MASSCAN_LIST.replace("192.0.2.7", "127.1"), 2),
        ("open tcp\n", 1),
        ("192.0.2.7\n192.0.2.8\n", 1),
        ("saddr\n192.0.2.7\n", 1),
        (ZMAP.replace("192.0.2.7", "192.0.2.0/24"), 2),
        (ZMAP.replace("104,rst", ""), 3),
        (ZMAP.replace("synack,1", "synack,true"), 2),
        (ZMAP.replace("rst,0", "rst,"), 3),
        (ZMAP.replace("192.0.2.8", '"192.0.2.8'), 3),
        (NMAP.replace('"104"', '"0"'), 5),
        (NMAP.replace("192.0.2.7", "0.0.0.0"), 5),
        (NMAP.replace("</host>", ""), 7),
        (NMAP.replace("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a SYSTEM "file:///etc/passwd">]>'), 2),
        (NMAP.replace("<!DOCTYPE nmaprun>", f'<!DOCTYPE nmaprun [<!ENTITY e0 "ha">{LAUGHS}]>'), 2),
        (calling("pacs.example&#13;&#10;X"), 5),
        (calling("a" * 64 + ".example"), 5),
        (calling(".".join(["a" * 60] * 5)), 5),
        ("<html>\n</html>", 1),
        ("<nmaprun>" + "<a>" * 100_000, 1),
        ("<nmaprun>", 1),
        (b"\x00\xff\xfe", 1),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path: Path, content: str | bytes, line: int) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UsageRefused) as refused:
        read_import(path)
    assert refused.value.exit_code == 2
    assert f"{path}, line {line}:" in refused.value.cause


def test_records_on_one_line_may_be_longer_than_a_line_together(tmp_path: Path) -> None:
    records = [{"ip": f"10.0.{n >> 8}.{n & 255}", "ports": [{"port": 104, "note": "é" * 100}]} for n in range(5_000)]
    for indent in (None, 1):
        found = read_import(written(tmp_path, json.dumps(records, ensure_ascii=False, indent=indent)))
        assert len(found.targets) == 5_000
    broken = json.dumps(records, indent=1).replace("10.0.19.135", "10.0.19")
    line = broken[: broken.index('"10.0.19"')].count("\n")
    with pytest.raises(UsageRefused, match=f"line {line}:"):
        read_import(written(tmp_path, broken))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused):
        read_import(tmp_path / "none")


def test_too_many_targets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_TARGETS", 3)
    with pytest.raises(UsageRefused, match="import-too-large"):
        read_import(written(tmp_path, "saddr,sport\n" + "".join(f"192.0.2.{n},104\n" for n in range(4))))


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"<", b"[\n", b"#masscan\n", b"saddr,sport\n", NMAP[:200].encode()])
)
def test_noise_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, noise: bytes, beginning: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(beginning + noise)
    try:
        found = read_import(path)
    except UsageRefused:
        return
    assert all(0 < port < 65_536 for _, port in found.targets)


def test_what_nmap_itself_writes_is_read(tmp_path: Path) -> None:
    nmap = program("nmap")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        path = tmp_path / "scan.xml"
        subprocess.run([nmap, "-sT", "-p", str(port), "-oX", path, "localhost"], timeout=60, capture_output=True)
        found = read_import(path)
    assert found.targets == (("127.0.0.1", port),)
    assert [named.name for named in found.names] == ["localhost"]


BEGUN = '<?xml version="1.0"?><nmaprun><host><address addr="192.0.2.7" addrtype="ipv4"/></host>\n'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BEGUN, "import-broken-off"),
        (BEGUN + "<host><addr", "import-broken-off"),
        (2 * (BEGUN + "</nmaprun>\n"), "import-several-scans"),
        (BEGUN + "</host></nmaprun>\n", "import-unreadable"),
        ("<", "import-unreadable"),
    ],
)
def test_what_nmap_leaves_of_an_interrupted_or_appended_scan_is_told_with_its_way_out(
    content: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "scan.xml"
    path.write_text(content)
    with pytest.raises(UsageRefused, match=told):
        read_import(path)
