"""`lightproof ledger probes`: what was ever sent to an address."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from lightproof.cli.home import opened
from lightproof.cli.ledger import COMMANDS
from lightproof.errors import UsageRefused
from lightproof.evidence.entries import rfc3339
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

if TYPE_CHECKING:
    from lightproof.check.contacts import Contact


@click.command(name="probes", help=COMMANDS["probes"])
@click.argument("address", metavar="ADDRESS")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else."))
def command(address: str, as_json: bool) -> int:
    """Ports that refused are in it too."""
    from lightproof.check.addresses import NotAnAddress, range_of
    from lightproof.check.contacts import contacts
    from lightproof.evidence import runs

    try:
        one = range_of(address)
    except NotAnAddress as error:
        raise _not_one_address(address) from error
    if one.size > 1:
        raise _not_one_address(address)
    with opened() as home:
        found = tuple(contacts(str(one), home.ledger.entries(subject=runs.SUBJECT), home.ledger.attachment))
    if as_json:
        click.echo(json.dumps({"address": str(one), "runs": [_contact_as_json(contact) for contact in found]}))
        return 0
    for contact in found:
        click.echo("\n".join(_contact_told(contact)))
    if not found:
        click.echo(_("Nothing was sent to {address}, as far as this ledger tells.").format(address=one))
    return 0


def _not_one_address(text: str) -> UsageRefused:
    from lightproof.check.targets import shown

    return UsageRefused(
        "address-unreadable",
        _("“{text}” is not the address of one machine.").format(text=shown(text)),
        _("Write it as 192.0.2.10 or 2001:db8::10: names are not kept, since they may lead elsewhere later."),
    )


def _contact_told(contact: "Contact") -> Iterator[str]:
    from lightproof.check.targets import Ports
    from lightproof.documents import wording

    began = contact.beginning
    yield _("{at}, by {who}. Allowed by: {allowed}. Entry {entry}.").format(
        at=_utc(began.at), who=began.by, allowed=wording.allowed_by(began.scope), entry=began.entry
    )
    if contact.calls:
        first = min(call.after for call in contact.calls)
        last = max(call.before for call in contact.calls)
        told = (
            ngettext(
                "  asked whether DICOM is spoken, in up to four calls, between {first} and {last}: port {ports}",
                "  asked whether DICOM is spoken, in up to four calls each, between {first} and {last}: ports {ports}",
                len(contact.calls),
            )
            if began.survey
            else ngettext(
                "  called, to see whether somebody picks up, between {first} and {last}: port {ports}",
                "  called, to see whether somebody picks up, between {first} and {last}: ports {ports}",
                len(contact.calls),
            )
        )
        yield told.format(first=_utc(first), last=_utc(last), ports=Ports.of(call.port for call in contact.calls))
    for probe in contact.probes:
        said = ngettext("{n} byte", "{n} bytes", probe.bytes_out).format(n=probe.bytes_out)
        calls = ngettext("{n} connection", "{n} connections", probe.connections).format(n=probe.connections)
        yield _("  {at}  {port}/{transport}  {detector}: {calls}, {said}, SHA-256 {sha256}").format(
            at=_utc(probe.at), port=Ports.of(probe.ports), transport=probe.target.transport,
            detector=probe.detector, calls=calls, said=said, sha256=f"{probe.sha256[:16]}…",
        )  # fmt: skip


def _contact_as_json(contact: "Contact") -> dict[str, object]:
    began = contact.beginning
    return {
        "entry": began.entry,
        "started": rfc3339(began.at),
        "by": began.by,
        "basis": began.scope.basis,
        "controller": began.scope.controller,
        "authoriser": began.scope.authoriser,
        "reference": began.scope.reference,
        "survey": began.survey,
        "calls": [
            {"port": call.port, "after": rfc3339(call.after), "before": rfc3339(call.before)} for call in contact.calls
        ],
        "probes": [
            {
                "at": rfc3339(probe.at),
                "port": probe.target.port,
                "transport": probe.target.transport,
                "detector": probe.detector,
                "ports": list(probe.ports),
                "connections": probe.connections,
                "bytes_out": probe.bytes_out,
                "sha256": probe.sha256,
            }
            for probe in contact.probes
        ],
    }


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
