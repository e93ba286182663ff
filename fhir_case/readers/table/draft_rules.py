"""Guess the rules of a first recipe from the names and the values of the columns of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from fhir_case.readers.table.writing import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "ABSENT",
    "BIRTH",
    "DraftTable",
    "date_form",
    "rules_of_events",
    "rules_of_measurements",
    "rules_of_patients",
]

ABSENT = re.compile(r"\[.*\]|n/?a|null|none|unknown|-9|-99|-999|\?|\.", re.IGNORECASE)
_SEX = re.compile(r"sex|gender", re.IGNORECASE)
BIRTH = re.compile(r".*birth.*|dob|born", re.IGNORECASE)
_AGE = re.compile(r"age([_ ].*)?", re.IGNORECASE)
_DIAGNOSIS = re.compile(r"(primary[_ ])?(diagnosis|disease|tumou?r|cancer)([_ ]?(name|text|type))?", re.IGNORECASE)
_CANCER = re.compile(r"cancer|carcinoma|tumou?r|sarcoma|melanoma|lymphoma|leuk|myeloma|malignan", re.IGNORECASE)
_ECOG = re.compile(r"ecog([_ ](ps|status|score|performance.*))?", re.IGNORECASE)
_DRUG = re.compile(r"drug|medication|medicine|substance|agent|drug[_ ]name", re.IGNORECASE)
_TREATMENT = re.compile(
    r"(treatment|therapy|procedure|operation|surgery|intervention)([_ ]?(name|type|kind))?", re.IGNORECASE
)
_RADIATION = re.compile(r"radiat|radiother|radioembol|brachy|bestrahlung|proton", re.IGNORECASE)
_TEST = re.compile(r"test|analyte|parameter|lab([_ ]?test)?|measurement", re.IGNORECASE)
_VALUE = re.compile(r"value|result", re.IGNORECASE)
_UNIT = re.compile(r"units?", re.IGNORECASE)
_BEGIN = re.compile(r"start|begin|from|date|day|given|performed|visit", re.IGNORECASE)
_END = re.compile(r"end|stop|until|\bto\b|last", re.IGNORECASE)
_SEXES = {
    "m": "male",
    "f": "female",
    "w": "female",
    "male": "male",
    "female": "female",
    "man": "male",
    "woman": "female",
}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y")
_SIGNS = {"height": ("body-height", "cm"), "weight": ("body-weight", "kg")}


@dataclass(slots=True)
class DraftTable:
    """
    A table as a draft sees it.

    Args:
        path: The file.
        name: The name that the recipe gives it.
        delimiter: The character between cells; empty for a sheet.
        sheet: The sheet of a workbook; empty for text.
        columns: The first values of each column.
        patient: The column that names the patient.
        rows: ``patient`` or ``event``.
        used: The columns that a rule has.
    """

    path: Path
    name: str
    delimiter: str
    sheet: str
    columns: dict[str, list[str]]
    patient: str = ""
    rows: str = "event"
    used: set[str] = field(default_factory=set)

    def known(self, column: str) -> list[str]:
        """Return the values of a column that seem to say something."""
        return [value for value in self.columns[column] if value and not ABSENT.fullmatch(value)]

    def column(self, pattern: re.Pattern[str]) -> str:
        """Return the first column of such a name that no rule has; nothing where there is none."""
        left = (name for name in self.columns if name not in self.used and name != self.patient)
        return next((name for name in left if pattern.fullmatch(name.strip())), "")


def date_form(values: list[str]) -> str:
    """Return how days are written, if all values are days."""
    return next((form for form in _DATES if values and all(_is_date(value, form) for value in values)), "")


def _is_date(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 - a day of a table has no time zone
    except ValueError:
        return False
    return True


def _day(table: DraftTable, pattern: re.Pattern[str]) -> str:
    """Return what the recipe says for the first column of days of such a name; nothing where there is none."""
    for name in table.columns:
        form = date_form(table.known(name)) if name not in table.used and pattern.search(name) else ""
        if form:
            table.used.add(name)
            return f"{{column: {plain(name)}, date: {plain(form)}}}"
    return ""


def rules_of_patients(table: DraftTable) -> Iterator[str]:
    """Return the lines of the rules about a table of patients."""
    yield f"  - section: patient\n    file: {table.name}\n    fields:"
    sex = table.column(_SEX)
    if not sex:
        yield "      sex: unknown  # guess: no column is called sex or gender"
    else:
        table.used.add(sex)
        words = dict.fromkeys(table.known(sex))
        values = ", ".join(f"{plain(word)}: {_SEXES.get(word.lower(), 'unknown')}" for word in words)
        yield f"      sex: {{any: [{{column: {plain(sex)}, map: {{{values}}}}}, unknown]}}  # guess"
    birth = _day(table, BIRTH)
    age = table.column(_AGE)
    if birth:
        yield f"      birth_date: {birth}  # guess"
    elif age and all(value.replace(".", "", 1).isdigit() for value in table.known(age)):
        table.used.add(age)
        yield f"      age: {{column: {plain(age)}, number: true}}  # guess\n      at: diagnosis"
    yield from _diagnosis(table)
    ecog = table.column(_ECOG)
    if ecog and {*table.known(ecog)} <= {*"012345"}:
        table.used.add(ecog)
        yield f"  - section: performance  # guess, and its day too\n    file: {table.name}\n    key: ecog"
        yield f"    fields: {{scale: ecog, value: {{column: {plain(ecog)}, number: true}}, at: diagnosis}}"


def _diagnosis(table: DraftTable) -> Iterator[str]:
    column = table.column(_DIAGNOSIS)
    words = table.known(column) if column else []
    cancer = bool(words) and all(map(_CANCER.search, words))
    yield f"  - section: conditions\n    file: {table.name}\n    key: diagnosis\n    fields:"
    said = "" if cancer else ": what all patients of the tables have; 'kind: primary-cancer' for a cancer"
    yield f"      kind: {'primary-cancer' if cancer else 'disease'}  # guess{said}"
    if column:
        table.used.add(column)
        yield f"      diagnosis: {{any: [{{column: {plain(column)}, words: true}}, {{text: Not stated}}]}}  # guess"
    else:
        yield "      diagnosis: {text: The disease of the tables}  # guess: write what it is"
    yield "      verification: confirmed  # guess"
    yield "      status: unknown"
    yield "      at: anchor"


def rules_of_events(table: DraftTable, units: Mapping[str, str], drugs: Collection[str]) -> Iterator[str]:
    """Return the lines of the rules about a table of events: treatments, or measured values."""
    if table.rows == "patient":
        return
    drug, treatment, test, value = map(table.column, (_DRUG, _TREATMENT, _TEST, _VALUE))
    unit = table.column(_UNIT)
    if not (drug or treatment or (test and value)):
        return
    table.used |= {name for name in (drug, treatment, *((test, value, unit) if test and value else ())) if name}
    until, begin = _day(table, _END), _day(table, _BEGIN)
    at = f"at: {begin or 'after diagnosis'}"
    period = f"{at}, until: {until}" if until else at
    if drug:
        note = f", note: {plain(f'{{{treatment}}}')}" if treatment else ""
        names = {word: slug for word in dict.fromkeys(table.known(drug)) if (slug := _slug(word)) in drugs}
        known = f", map: {{{', '.join(f'{plain(word)}: {slug}' for word, slug in names.items())}}}, others: words"
        yield f"  - section: medications  # guess\n    file: {table.name}\n    key: drug"
        what = f"{{column: {plain(drug)}, words: true{known if names else ''}}}"
        yield f"    fields: {{drug: {what}, status: unknown, {period}{note}}}"
    if treatment:
        yield from _treatments(table, treatment, drug, period)
    if test and value:
        names = {word: slug for word in dict.fromkeys(table.known(test)) if (slug := _slug(word)) in units}
        known = f", map: {{{', '.join(f'{plain(word)}: {slug}' for word, slug in names.items())}}}, others: words"
        what = f"{{column: {plain(test)}{known if names else ', words: true'}}}"
        measured = f"unit: {{column: {plain(unit)}}}" if unit else "number: true"
        yield f"  - section: laboratory  # guess\n    file: {table.name}\n    key: result"
        yield f"    fields: {{test: {what}, value: {{column: {plain(value)}, {measured}}}, {at}}}"


def _treatments(table: DraftTable, column: str, drug: str, period: str) -> Iterator[str]:
    """Return the lines of the rules about what is no drug: radiation by its words, and all other treatments."""
    words = dict.fromkeys(word for word in table.known(column) if _RADIATION.search(word))
    radiation = f"[{', '.join(map(plain, words))}]"
    without_drug = [f"{{column: {plain(drug)}, known: false}}"] if drug else []
    name = plain(column)
    for section, key, what, condition in (
        ("radiotherapies", "radiation", "course", f"{{column: {name}, is: {radiation}}}" if words else ""),
        ("procedures", "procedure", "procedure", f"{{column: {name}, not: {radiation}}}" if words else "always"),
    ):
        if not condition:
            continue
        conditions = [*([condition] if condition != "always" else []), *without_drug]
        yield f"  - section: {section}  # guess\n    file: {table.name}\n    key: {key}"
        if conditions:
            yield f"    only_if: [{', '.join(conditions)}]"
        yield f"    fields: {{{what}: {{column: {name}, words: true}}, reasons: [diagnosis], {period}}}"


def rules_of_measurements(table: DraftTable, units: Mapping[str, str]) -> Iterator[str]:
    """Return the lines of the rules about columns that are named by what was measured."""
    for name in table.columns:
        bare = _slug(name)
        sign = next((sign for word, sign in _SIGNS.items() if bare == word or bare.startswith(f"{word}-")), None)
        if sign is not None:
            section, what, unit = "vital_signs", f"sign: {sign[0]}", sign[1]
        elif bare in units:
            section, what, unit = "laboratory", f"test: {bare}", units[bare]
        else:
            continue
        table.used.add(name)
        measured = f", unit: {plain(unit)}" if unit else ", number: true"
        yield f"  - section: {section}  # guess, and its unit too\n    file: {table.name}\n    key: {bare}"
        yield f"    fields: {{{what}, value: {{column: {plain(name)}{measured}}}, at: diagnosis}}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
