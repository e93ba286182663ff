"""The import recipe: which tables there are, and what their rows say about a patient, in the words of the case file."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from fhir_case.case.forms import Key, Text
from fhir_case.case.forms.form import Form
from fhir_case.case.model import Report
from fhir_case.readers.table.day_form import DayForm
from fhir_case.readers.table.lines import is_encoding

__all__ = ["AnyOf", "Column", "Condition", "Function", "Join", "Keys", "Offset", "Recipe", "Rule", "TableFile"]


def _as_word(value: Any) -> Any:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | int | Decimal | dict) else value


def _known_encoding(name: str) -> str:
    if is_encoding(name):
        return name
    raise PydanticCustomError("encoding", "'{name}' is no encoding, such as utf-8 or cp1252", {"name": name[:40]})


_ONE: dict[str, Any] = {"type": ["string", "number"]}
Word = Annotated[str, BeforeValidator(_as_word), WithJsonSchema(_ONE)]
Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE}]}),
]
Written = Annotated[
    Any, WithJsonSchema({"description": "what the case file has there; {COLUMN} in a text is its value"})
]
ValueMap = dict[Word, Written]


class Condition(Form):
    """
    What a row has to say for a rule to be about it.

    Args:
        column: The column.
        is_: The words of which it has one; any that is known, without them.
        not_: The words of which it has none; an absent value has none either.
        known: Whether it is known; false for a rule about rows where it is not.
    """

    column: Text
    is_: Annotated[Words | None, Field(alias="is")] = None
    not_: Annotated[Words | None, Field(alias="not")] = None
    known: bool | None = None


class Offset(Form):
    """
    A number of days, weeks or the like that counts from an event; a negative one lies before it.

    Args:
        unit: The unit of the number: ``min``, ``h``, ``d``, ``wk``, ``mo`` or ``a``.
        after: The key of the entry that it counts from; the anchor of the case, without one.
    """

    unit: Literal["min", "h", "d", "wk", "mo", "a"]
    after: Key | None = None


class UnitColumn(Form):
    """
    The unit of a number in a column beside it.

    Args:
        column: The column.
        map: What the words of the column mean, where they are no units.
    """

    column: Text
    map: Text | ValueMap | None = None


class Column(Form):
    """
    The value of a column.

    Args:
        column: The column; the second of the same name is ``NAME#2``.
        map: What a word of the table is in a case file, or the name of such a map in ``maps``. A word that is mapped to
            nothing (``""`` in TOML) is left out on purpose.
        others: What becomes of words that the map does not have: ``report`` leaves them out and says so, ``same`` takes
            them as they are, ``words`` makes ``{text: …}`` of them.
        words: Whether the value is words, ``{text: …}``; with a map, the words stand beside what they mean.
        absent: Further words that mean that nothing is known.
        number: Whether it is a number.
        decimal: The character before the decimals of a number.
        unit: The unit of the number, or the column that has it.
        date: How a day is written, in the letters of Python's ``strptime``, such as ``%d.%m.%Y``.
        offset: That the number counts from an event.
    """

    column: Text
    map: Text | ValueMap | None = None
    others: Literal["report", "same", "words"] = "report"
    words: bool = False
    absent: Words = ()
    number: bool = False
    decimal: Literal[".", ","] = "."
    unit: Text | UnitColumn | None = None
    date: DayForm | None = None
    offset: Offset | None = None


class Function(Form):
    """
    What a Python function of the user's makes of some columns, see ``--functions``.

    Args:
        function: Its name; it is called with a dict of texts, and returns what the case file has, or None.
        columns: The columns; one that is not known is not in the dict.
    """

    function: Text
    columns: Words


class Keys(Form):
    """
    Those of some keys that the case has entries for.

    Args:
        keys: The keys.
    """

    keys: Words


class AnyOf(Form):
    """
    The first of some values that is known.

    Args:
        any: The values.
    """

    any: tuple[Written, ...]


class Join(Form):
    """
    Those of some texts that are known, one after the other.

    Args:
        join: The texts.
    """

    join: tuple[Written, ...]


class TableFile(Form):
    """
    A table: a file, or several of one form.

    Args:
        path: Its name in the folder of the data, or a pattern with ``*``.
        patient: The column that names the patient.
        rows: Whether a row is a ``patient``, who then has one at most, or an ``event``.
        format: ``csv``, ``tsv`` or ``excel``; the ending of the name says it otherwise.
        delimiter: The character between cells, of a table in text.
        quotes: Whether cells may stand in double quotes, of a table in text.
        header: The line with the names of the columns; those before it are skipped.
        skip: How many lines after the header are no data.
        encoding: The encoding of a table in text.
        sheet: The sheet of an Excel file; the first one, without it.
        absent: Words that mean that nothing is known, beside those of the recipe.
        separator: What stands between several values in one cell, in place of that of the recipe.
        unused: The columns that are not used, each with the reason.
        partly: The columns of which some values are not used, each with the reason.
        unused_sheets: The sheets of an Excel file that are no table, each with the reason.
    """

    path: Text
    patient: Text
    rows: Literal["patient", "event"] = "event"
    format: Literal["csv", "tsv", "excel"] | None = None
    delimiter: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=1)] | None = None
    quotes: bool = True
    header: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    skip: Annotated[int, Field(strict=True, ge=0, le=1000)] = 0
    encoding: Annotated[Text, AfterValidator(_known_encoding)] = "utf-8"
    sheet: Text | None = None
    absent: Words = ()
    separator: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=10)] | None = None
    unused: dict[Word, Text] = Field(default={})
    partly: dict[Word, Text] = Field(default={})
    unused_sheets: dict[Word, Text] = Field(default={})


class OneRow(Form):
    """
    Which of the rows of a patient a rule is about, where it is about one.

    Args:
        largest: That with the largest number in this column.
        smallest: That with the smallest one.
    """

    largest: Text | None = None
    smallest: Text | None = None

    @model_validator(mode="after")
    def _has_one_column(self) -> Self:
        if (self.largest is None) == (self.smallest is None):
            raise PydanticCustomError("one_row", "write 'largest' or 'smallest', with a column")
        return self

    @property
    def column(self) -> str:
        """Return the column that is compared."""
        return self.largest or self.smallest or ""


class Rule(Form):
    """
    What the rows of a table say: one entry of a section for each row, or for each value in a cell.

    Args:
        section: The section of the case file.
        file: The name of the table in ``files``.
        key: The key of the entry, in a section that is a list. That of an event gets a number, so that it is its own.
        only_if: What a row has to say for this rule to be about it.
        one_row: Which of the rows of a patient it is about, where it is about one.
        each: Columns with several values in a cell, in step: the first ones make the first entry, and so on.
        merge_same: Whether a row that says the same as an entry of this section adds its source to that entry, and
            makes none of its own: where two tables tell of the same events.
        fields: The fields of the entry as a case file has them; ``{column: …}`` and the like stand for values. A text
            with ``{COLUMN}`` is left out where the column is not known. ``source`` is filled in with the file, the
            line and the columns. Several rules may fill in a section that is no list, such as ``patient``: the first
            value of a field stays.
    """

    section: Text
    file: Text
    key: Written = None
    only_if: Annotated[tuple[Condition, ...], BeforeValidator(_as_list)] = ()
    one_row: OneRow | None = None
    each: Words = ()
    merge_same: bool = False
    fields: dict[str, Written] = Field(default={})


class RecipeTimeline(Form):
    """
    What the times of the cases count from.

    Args:
        anchor: The key of the event that offsets count from.
        index_date: The day of the anchor: one that is made up, or the value of a column.
        recorded: Whether it is the true day; where this is not said, it is one that is the value of a column.
    """

    anchor: Key
    index_date: Written
    recorded: bool | None = None


class Recipe(Form):
    """
    How tables become cases: one case for each patient of the tables whose rows are patients, else of all tables.

    Args:
        recipe: The name of the recipe.
        about: What the tables are, and where they come from.
        case: The id of a case; ``{patient}`` is what the column of the patient has.
        title: The title of a case.
        report: The source of the data. Its patients are taken as real, so that nothing is labelled as test data, unless
            it says ``real_patients: false``.
        timeline: What the times of the cases count from.
        absent: Words that mean that nothing is known.
        separator: What stands between several values in one cell.
        files: The tables, by a name for each.
        maps: Maps of values that several columns have, by a name for each.
        entries: What the rows say.
    """

    recipe: Key
    about: Text | None = None
    case: Text = "{patient}"
    title: Text
    report: Report
    timeline: RecipeTimeline
    absent: Words = ()
    separator: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=10)] = "|"
    files: Annotated[dict[str, TableFile], Field(min_length=1)]
    maps: dict[str, ValueMap] = Field(default={})
    entries: Annotated[tuple[Rule, ...], Field(min_length=1)]
