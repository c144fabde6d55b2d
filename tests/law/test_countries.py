"""Names of countries."""

from lightproof.law.countries import country_name
from lightproof.locale import speaking


def test_a_country_is_named_in_the_reader_s_language() -> None:
    assert country_name("DE") == "Germany"
    with speaking("fr"):
        assert country_name("DE") == "Allemagne"


def test_a_country_that_is_not_listed_keeps_its_code() -> None:
    assert country_name("ZZ") == "ZZ"
