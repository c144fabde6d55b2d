"""The laws that the settings name. Storage reads names alone; which of them are shipped is known up here."""

from collections.abc import Iterable

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

SETTING = "breach.regimes"


def refuse_unknown_laws(names: Iterable[str]) -> None:
    """Raises UsageRefused naming the setting and the first law that is not shipped."""
    from lightproof.law.regimes import FILES

    for name in names:
        if name not in FILES:
            raise UsageRefused(
                "regime-unknown",
                _("{setting}: there is no regime “{name}”.").format(setting=SETTING, name=name[:40]),
                _("Take one of: {names}. “lightproof config show --origin” says where it is set.").format(
                    names=", ".join(FILES)
                ),
            )
