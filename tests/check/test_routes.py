"""Each system's way to write a default route is read; what does not fit is passed over."""

import pytest

from lightproof.check.routes import (
    ROUTE_TABLES,
    RouteTable,
    bsd_gateways,
    gateways_in,
    linux_gateways,
    windows_gateways,
)

LINUX = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth1\t00000000\tFE01A8C0\t0002\t0\t0\t700\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""

MACOS = """\
Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.1.1        UGScg                 en0
default            link#17            UCSIg               utun4
127                127.0.0.1          UCS                   lo0
192.168.1          link#12            UCS                   en0      !
192.168.1.1/32     link#12            UCS                   en0      !
"""

WINDOWS = """\
===========================================================================
Liste d'Interfaces
 12...00 15 5d 01 02 03 ......Microsoft Hyper-V Network Adapter
===========================================================================

IPv4 Table de routage
===========================================================================
Itinéraires actifs :
Destination réseau    Masque réseau  Adr. passerelle   Adr. interface Métrique
          0.0.0.0          0.0.0.0      192.168.1.1     192.168.1.42     25
          0.0.0.0        128.0.0.0         10.8.0.1         10.8.0.2     35
          0.0.0.0          0.0.0.0         On-link          10.9.0.2     50
        127.0.0.0        255.0.0.0         On-link         127.0.0.1    331
===========================================================================
Itinéraires persistants :
  Adresse réseau    Masque réseau  Adresse passerelle Métrique
          0.0.0.0          0.0.0.0    192.168.1.254        1
"""


def test_linux_tells_its_default_gateway_once_and_no_route_without_one() -> None:
    assert gateways_in(LINUX, ROUTE_TABLES["linux"]) == ("192.168.1.1",)


def test_a_big_endian_linux_writes_addresses_the_other_way_round() -> None:
    row = "head\neth0\t00000000\tC0A80101\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert tuple(linux_gateways(row, "big")) == ("192.168.1.1",)


def test_macos_tells_its_default_gateway_and_not_its_links() -> None:
    assert gateways_in(MACOS, ROUTE_TABLES["darwin"]) == ("192.168.1.1",)


def test_windows_tells_its_default_gateways_in_any_language() -> None:
    assert gateways_in(WINDOWS, ROUTE_TABLES["win32"]) == ("192.168.1.1", "192.168.1.254")


@pytest.mark.parametrize("reader", [linux_gateways, bsd_gateways, windows_gateways])
@pytest.mark.parametrize("text", ["", "\n\n", "default", "0.0.0.0 0.0.0.0", "x" * 10_000, "a\nb c 00000000 zz 0 0 0 0"])
def test_other_text_names_no_gateway(reader: object, text: str) -> None:
    assert gateways_in(text, RouteTable(("nowhere",), reader)) == ()  # type: ignore[arg-type]
