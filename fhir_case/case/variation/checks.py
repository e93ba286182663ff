"""Find what is wrong with the declarations of a case, before any patient is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from fhir_case.case.forms import When
from fhir_case.case.node import Problem
from fhir_case.case.variation.declaration import DATE, Choice, Numbers, Share, Words
from fhir_case.case.variation.draws import corners
from fhir_case.case.variation.links import values_in
from fhir_case.case.variation.order import order_problems
from fhir_case.case.variation.texts import names_in, said_as
from fhir_case.case.variation.values import measured, same_unit
from fhir_case.errors import CaseError
from fhir_case.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_case.case.node import Place
    from fhir_case.case.variation.declaration import Presence, Variation
    from fhir_case.case.variation.varied import VariedCase

__all__ = ["declaration_problems"]

_FIXED = ("key", "source")


def declaration_problems(varied: VariedCase, *, whole: bool = True) -> list[Problem]:
    """
    Return all that is wrong; the later checks, which draw patients, are made when the declarations fit the case.

    Args:
        whole: Whether all that is declared could be read.
    """
    found = [*_twice(varied)]
    for presence in varied.presences:
        found += _of_presence(varied, presence)
    for one in varied.variations:
        found += _of_variation(varied, one)
    found += _in_circles(varied) if whole and not found else ()
    found += _lost(varied) if whole and not found else ()
    if found or not whole:
        return found
    found = [*order_problems(varied), *_totals(varied), *_texts(varied)]
    return found or [*_corners(varied)]


def _problem(one: Variation, what: str, hint: str = "") -> Problem:
    return Problem(one.place, (one.entry, *one.field.split(".")), what, hint)


def _twice(varied: VariedCase) -> Iterator[Problem]:
    seen: dict[str, Place] = {}
    fields = [(one.name, one.entry, one.place) for one in varied.variations]
    for name, entry, place in (*fields, *((one.entry, one.entry, one.place) for one in varied.presences)):
        if name in seen:
            what = f"how '{name}' varies is declared twice, first at {seen[name]}"
            yield Problem(place, (entry,), what, "keep one of them")
        seen.setdefault(name, place)


def _of_presence(varied: VariedCase, presence: Presence) -> Iterator[Problem]:
    entries = {entry.key for _, entry in varied.case.entries()}
    if presence.entry not in entries:
        what = f"'{presence.entry}' is one mapping, not an entry of a list, and every case has it"
        yield Problem(presence.place, (presence.entry,), what, "leave 'probability' and 'with' out")
    for key in presence.together:
        if key not in entries:
            yield Problem(
                presence.place, (presence.entry,), f"no entry has the key '{key}'", did_you_mean(key, entries)
            )


def _of_variation(varied: VariedCase, one: Variation) -> Iterator[Problem]:
    form = varied.forms.get(one.entry)
    if form is None:
        yield _problem(one, f"no entry has the key '{one.entry}'", did_you_mean(one.entry, varied.forms))
        return
    if one.without and one.without not in varied.forms:
        yield _problem(one, f"no entry has the key '{one.without}'", did_you_mean(one.without, varied.forms))
    wrong = _unknown_field(type(form), form, one.field)
    if wrong is not None:
        yield _problem(one, *wrong)
    elif isinstance(one.draw, Choice):
        return
    elif isinstance(one.draw, Words):
        for name in names_in(one.draw.text):
            if varied.base(name) is None:
                yield _problem(one, f"'{{{name}}}' names no field of the case", "write {KEY.FIELD}")
    else:
        yield from _of_number(varied, one)


def _unknown_field(model: type[BaseModel], form: Any, field: str) -> tuple[str, str] | None:
    """Return why a field cannot vary, and what to do."""
    value: Any = form
    for position, name in enumerate(field.split(".")):
        if isinstance(value, tuple):
            if not name.isdigit() or int(name) >= len(value):
                return f"'{name}' is no position in this list", "positions count from 0"
            value = value[int(name)]
            continue
        fields = type(value).model_fields if isinstance(value, BaseModel) else {}
        if name not in fields:
            known = [*fields] or [*model.model_fields]
            return f"there is no field '{name}'", did_you_mean(name, known) or f"there are: {', '.join(known)}"
        if position == 0 and (name in _FIXED or _holds_entries(fields[name].annotation)):
            return f"'{name}' does not vary", "entries inside of an entry have a 'vary' of their own"
        value = getattr(value, name)
    return None


def _holds_entries(annotation: Any) -> bool:
    from fhir_case.case.entry import KeyedEntry

    if isinstance(annotation, type) and issubclass(annotation, KeyedEntry):
        return True
    return any(_holds_entries(part) for part in get_args(annotation))


def _of_number(varied: VariedCase, one: Variation) -> Iterator[Problem]:
    base = varied.base(one.name)
    has = measured(base)
    if has is None:
        yield _problem(one, f"'{one.field}' has no number in the case", "only a choice or a text varies it")
        return
    if isinstance(one.draw, Share):
        other = varied.base(one.draw.of)
        source = measured(other)
        if source is None:
            yield _problem(one, f"'{one.draw.of}' has no number in the case", "name a field that has one")
        elif isinstance(base, When) is not isinstance(other, When) or not same_unit(base, source.unit):
            yield _problem(one, f"the unit of '{one.draw.of}' is {source.unit}, and that of this is {has.unit}")
        elif one.draw.within is not None and not same_unit(base, one.draw.within.unit):
            yield _problem(one, f"the range is in {one.draw.within.unit}, and the value in the case in {has.unit}")
        return
    if not isinstance(one.draw, Numbers):
        return
    if (has.unit == DATE) is not (one.draw.unit == DATE) or not (has.unit == DATE or same_unit(base, one.draw.unit)):
        wanted = "a date" if has.unit == DATE else f"in {has.unit}" if has.unit else "without a unit"
        what = f"the unit is {one.draw.unit or 'missing'}, and the value in the case is {wanted}"
        yield _problem(one, what, "write the range like the value")
    elif isinstance(base, When) and one.draw.distribution.low < 0:
        yield _problem(one, "an offset is not negative", "'before' and 'after' say on which side it lies")


def _in_circles(varied: VariedCase) -> Iterator[Problem]:
    shares = {one.name: one for one in varied.variations if isinstance(one.draw, Share)}
    for one in shares.values():
        chain, name = [one.name], one.name
        while name in shares and isinstance(share := shares[name].draw, Share):
            name = share.of
            if name in chain:
                yield _problem(one, f"'{name}' is a share of itself: {' -> '.join((*chain, name))}")
                return
            chain.append(name)


def _lost(varied: VariedCase) -> Iterator[Problem]:
    """Find what no patient can be without, and may be left out."""
    anchor, lost = varied.case.anchor, varied.optional
    single = {section.name for section in varied.case.sections if not section.is_list}
    for presence in varied.presences:
        gone = varied.dependencies.closure([presence.entry]) if presence.probability < 1 else set()
        if anchor in gone:
            what = f"without '{presence.entry}' there is no '{anchor}', which all times count from"
            yield Problem(presence.place, (presence.entry,), what, "every patient has the anchor: leave this out")
        for one in varied.namings:
            if one.target in gone and one.entry in single:
                what = f"{one.entry}.{one.path[0]} names '{one.target}', which a patient may not have"
                yield Problem(presence.place, (presence.entry,), what, f"let {one.entry}.{one.path[0]} name another")
    for variation in varied.variations:
        if variation.without and variation.without not in lost:
            yield _problem(variation, f"every patient has '{variation.without}'", "leave 'without' out")


def _totals(varied: VariedCase) -> Iterator[Problem]:
    names = {one.name: one for one in varied.variations}
    for total in varied.totals:
        if f"{total.entry}.{total.field}" in names:
            one = names[f"{total.entry}.{total.field}"]
            yield _problem(one, "this total is the sum of its parts, which vary", "leave it out: it is added up")
        elif not total.adds_up:
            part = next((names[name] for _, name, _ in total.parts if name in names), None)
            place = part.place if part else varied.presences[0].place
            what = f"{total.entry}.{total.field} is not the sum of its parts in the case, so none can vary"
            yield Problem(place, (total.entry, total.field), what, "correct the case, or let none of them vary")


def _texts(varied: VariedCase) -> Iterator[Problem]:
    """Find the texts of a case that tell of what varies, and do not vary."""
    own = {one.name for one in varied.variations if isinstance(one.draw, Choice | Words)}
    texts = [
        (f"{entry}.{'.'.join(map(str, path))}", value)
        for entry, form in varied.forms.items()
        for path, value in values_in(form)
        if isinstance(value, str) and path != ("source",)
    ]
    for one in varied.variations:
        if isinstance(one.draw, Numbers | Share) and not one.without:
            for said in said_as(varied.base(one.name)):
                pattern = re.compile(rf"(?<![\w.]){re.escape(said)}(?!\w)")
                for name, text in texts:
                    covered = any(name == each or name.startswith(f"{each}.") for each in own)
                    if not covered and pattern.search(text):
                        what = f"{name} says '{said}', which is not so in every patient any more"
                        entry, _, field = name.partition(".")
                        yield _problem(one, what, f"declare '{field}' of {entry} too: a text, or choice: [null]")


def _corners(varied: VariedCase) -> Iterator[Problem]:
    """Draw the patients at the ends of all ranges, and say why one of them is no case."""
    told: set[str] = set()
    for one in varied.variations:  # each end by itself, so that the declaration is named
        if isinstance(one.draw, Choice):
            yield from _each_choice(varied, one, told)
        elif isinstance(one.draw, Numbers):
            for uniform in (0.0, 1 - 2**-53):
                if (wrong := _wrong(varied, one, {one.name: uniform})) and one.name not in told:
                    told.add(one.name)
                    end = one.draw.distribution.low if uniform == 0.0 else one.draw.distribution.high
                    yield _problem(one, f"{end:f} is not possible here: {wrong}", "narrow the range")
    if told:
        return
    for corner in corners(varied.variations, varied.presences):
        try:
            varied.patient(0, corner.uniform)
        except (CaseError, ValidationError) as error:
            place = varied.variations[0].place if varied.variations else varied.presences[0].place
            message = error.message if isinstance(error, CaseError) else str(error)
            yield Problem(place, (), f"{corner.words}: {message}", "narrow what is declared")
            return


def _each_choice(varied: VariedCase, one: Variation, told: set[str]) -> Iterator[Problem]:
    draw = one.draw
    assert isinstance(draw, Choice)  # noqa: S101 - as its caller has seen
    absent = {presence.entry: 1 - 2**-53 for presence in varied.presences if presence.entry == one.without}
    for position, place in enumerate(draw.places):
        if not draw.weights[position]:
            continue
        middle = float(sum(draw.weights[:position]) + draw.weights[position] / 2)
        if wrong := _wrong(varied, one, {one.name: middle, **absent}):
            told.add(one.name)
            yield Problem(
                place, (one.entry, *one.field.split(".")), f"this is not possible here: {wrong}", "correct it"
            )


def _wrong(varied: VariedCase, only: Variation, numbers: dict[str, float]) -> str:
    """Return why the patient of some numbers, with all else as in the file, is no case; empty when it is one."""
    try:
        varied.patient(0, lambda name: numbers.get(name, 0.0), only=only)
    except CaseError as error:
        return error.message.removeprefix("patient 0 is no case: ")
    return ""
