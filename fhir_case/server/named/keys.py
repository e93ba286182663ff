"""
What the keys of ``servers.toml`` may hold: types for pydantic, whose errors say what is wrong and what to do.

It is imported when such a file is read, since pydantic takes longer than the rest of a start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WrapValidator,
    create_model,
)
from pydantic_core import PydanticCustomError

from fhir_case.errors import CheckerError, ServerError
from fhir_case.http.limits import Limits
from fhir_case.server.auth.methods import is_header_name
from fhir_case.server.guard import checked_base_url
from fhir_case.server.hapi.database import check_database
from fhir_case.server.hapi.options import Options
from fhir_case.server.named.model import EMBEDDED, NamedServer
from fhir_case.server.named.variables import SECRET, has_fault, named_in
from fhir_case.server.quirks import Caps
from fhir_case.server.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["named_server"]

Record = TypeVar("Record")


def _wrong(what: str, hint: str) -> PydanticCustomError:
    """Return the error for a value; no value is repeated, since it may be a secret."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "hint": hint})


def _expects(what: str) -> WrapValidator:
    def validate(value: object, handler: Callable[[object], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise _wrong(f"this is not {what}", "correct it, or leave the key out") from None

    return WrapValidator(validate)


def _variables(text: str) -> str:
    if has_fault(text):
        raise _wrong("a variable in it is not written as one", "write ${NAME}, with letters, digits and _")
    return text


_Text = Annotated[str, Field(pattern=r"\S"), _expects("a text in quotes"), AfterValidator(_variables)]
"""A text that may hold variables."""

_Truth = Annotated[bool, _expects("true or false, without quotes")]

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), _expects("a number above 0")]


def _base_url(text: str) -> str:
    try:
        return text if named_in([text]) else checked_base_url(text)
    except ServerError as error:
        raise _wrong(error.message, error.hint) from None


def _heap(text: str) -> str:
    try:
        Options(heap=text).check()
    except CheckerError as error:
        raise _wrong(error.message, error.hint) from None
    return text


def _database(text: str) -> str:
    try:
        check_database(text, None, "R4")
    except CheckerError as error:
        raise _wrong(error.message, error.hint) from None
    return text


def _command(value: object) -> tuple[str, ...]:
    if value in EMBEDDED:
        return EMBEDDED
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) and each for each in value):
        hint = 'write "hapi" for the embedded server, or a program and its arguments: ["node", "server.mjs"]'
        raise _wrong("this is neither the embedded server nor a command", hint)
    if any("${" in each for each in value):
        hint = "a program finds all variables in its own environment; others can read its arguments"
        raise _wrong("variables are not put into a command", hint)
    return tuple(value)


def _header_name(name: str) -> str:
    if not is_header_name(name):
        raise _wrong(f"a header cannot be named '{name}'", "use letters, digits and hyphens")
    return name


def _header(text: str) -> str:
    if not named_in([text]):
        raise _wrong("the value of a header does not stand in this file: it may be a secret", SECRET)
    return text


def _secret(text: str) -> str:
    if not named_in([text]):
        raise _wrong("a secret does not stand in this file", SECRET)
    return text


def _table(kind: type[Record], **types: Any) -> Callable[..., Record]:
    """Return what makes a record of a table whose keys are fields of the record, and of further fields."""
    keys: dict[str, Any] = {name: (each, None) for name, each in types.items()}
    model = create_model(kind.__name__, __config__=ConfigDict(extra="forbid", strict=True), **keys)

    def made(value: object, /, **rest: Any) -> Record:
        read = model.model_validate(value)
        return kind(**{name: getattr(read, name) for name in read.model_fields_set}, **rest)

    return made


_Pause = Annotated[float, Field(ge=0, allow_inf_nan=False), _expects("a number of at least 0")]
_Times = Annotated[int, Field(ge=0), _expects("a whole number of at least 0")]
_Limit = Annotated[int, Field(gt=0), _expects("a whole number above 0")]
_Header = Annotated[_Text, AfterValidator(_header)]

_caps = _table(Caps, **dict.fromkeys(Caps.__dataclass_fields__, _Limit))
_response = _table(Limits, bytes=_Limit, ratio=_Seconds)
_retry = _table(RetryPolicy, **dict.fromkeys(RetryPolicy.__dataclass_fields__, _Pause) | {"run": _Times})

named_server = _table(
    NamedServer,
    url=Annotated[_Text, AfterValidator(_base_url)],
    start=Annotated[tuple[str, ...], PlainValidator(_command)],
    fhir=_Text,
    strict=_Truth,
    heap=Annotated[_Text, AfterValidator(_heap)],
    db=Annotated[_Text, AfterValidator(_database)],
    db_user=_Text,
    db_password=Annotated[_Text, AfterValidator(_secret)],
    start_timeout_s=_Seconds,
    auth=dict[str, _Text],
    headers=dict[Annotated[str, AfterValidator(_header_name)], _Header],
    ca_file=_Text,
    client_certificate=_Text,
    client_key=_Text,
    timeout_s=_Seconds,
    response=Annotated[Limits, PlainValidator(_response)],
    caps=Annotated[Caps, PlainValidator(_caps)],
    retry=Annotated[RetryPolicy, PlainValidator(_retry)],
    real_patient_data=_Truth,
    placeholders=_Truth,
)
"""Return a server by its table in the file, and its name and file as further fields."""
