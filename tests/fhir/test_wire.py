"""A number is written with the digits with which it was read."""

from __future__ import annotations

import pytest

from fhir_case.fhir.wire import dump, parse, parse_quickly


@pytest.mark.parametrize("digits", ["15.0", "0.80", "100", "0.000001", "1.50E+3", "12345678901234567890.5", "1E-300"])
def test_a_number_keeps_its_digits(digits: str) -> None:
    assert f'{{"value":{digits}}}' == dump(parse(f'{{"value": {digits}}}')).decode()


def test_an_exponent_does_not_become_a_gigabyte_of_zeros() -> None:
    assert b'{"value":1E-999999}' == dump(parse('{"value": 1e-999999}'))


def test_what_is_read_quickly_is_the_same_but_for_decimals() -> None:
    text = b'{"resourceType": "Bundle", "total": 3, "entry": [{"text": "\xc3\xa9 \\ud83e\\uddec"}]}'

    assert parse(text) == parse_quickly(text)
    with pytest.raises(ValueError, match=r"NaN|unexpected"):
        parse_quickly(b'{"value": NaN}')
