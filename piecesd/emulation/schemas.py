"""JSON schemas that strangers wrote, and values that a model wrote.

Validation is the jsonschema library's, held back where a schema could harm: no
reference is followed out of the schema; no regular expression of it is run, for
Python's may take for ever; and a check ends after so many steps, for schemas
whose branches multiply.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from threading import local
from typing import Any

MAX_STEPS = 20_000
"""Keywords that a check of a value may look at; half a second at most."""

MAX_SCHEMA_CHARACTERS = 40_000
"""Whether a schema is one is found out in 15 µs a character."""

_SHOWN_CHARACTERS = 300

_Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]
_check = local()
"""``steps_left``: of the check that runs on this thread."""


class UnusableSchema(ValueError):
    """It is no JSON schema, or not one that can be checked here."""


class _TooManySteps(Exception):
    pass


class Schema:
    """A JSON schema (draft 2020-12). To be made and used off the reactor's
    thread: both may take half a second.

    :raises UnusableSchema: says why.
    """

    def __init__(self, text: str) -> None:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator
        from referencing import Registry

        if len(text) > MAX_SCHEMA_CHARACTERS:
            raise UnusableSchema(f"it is longer than {MAX_SCHEMA_CHARACTERS} characters")
        try:
            schema = _without_dialects(json.loads(text))
            Draft202012Validator.check_schema(schema)
        except json.JSONDecodeError as error:
            raise UnusableSchema(f"it is not JSON: {error}") from None
        except RecursionError:
            raise UnusableSchema("it is nested too deeply") from None
        except SchemaError as error:
            raise UnusableSchema(_shown(error)) from None
        self._validator = _bounded()(schema, registry=Registry())

    def fault(self, text: str) -> str:
        """What is wrong with a JSON text, in English; empty for nothing."""
        try:
            return _first_fault(self._validator, json.loads(text))
        except RecursionError:
            return "it is nested too deeply"
        except ValueError as error:
            return f"it is not JSON: {error}"


def _first_fault(validator: Any, value: object) -> str:
    from referencing.exceptions import Unresolvable

    _check.steps_left = MAX_STEPS
    try:
        error = next(validator.iter_errors(value), None)
    except _TooManySteps:
        return "it takes too long to check"
    except Unresolvable as unresolvable:
        return f"the schema refers to what is not in it: {unresolvable.ref}"
    return "" if error is None else _shown(error)


def _shown(error: Any) -> str:
    return f"at {error.json_path}: {error.message[:_SHOWN_CHARACTERS]}"


def _without_dialects(schema: Any) -> Any:
    """``schema`` without the names of other versions, at which the library would
    go on by rules that are not bounded.

    :raises UnusableSchema: it has names that are regular expressions.
    """
    if isinstance(schema, list):
        return [_without_dialects(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "patternProperties" in schema:
        raise UnusableSchema("patternProperties can't be checked here")
    return {key: _without_dialects(item) for key, item in schema.items() if key != "$schema"}


@cache
def _bounded() -> Any:
    """The library's validator with a bound on its steps; loads the library."""
    from jsonschema.validators import Draft202012Validator, extend

    keywords = {
        name: _counted(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()
    }
    keywords["pattern"] = _counted(_not_checked)
    return extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]


def _counted(keyword: _Keyword) -> _Keyword:
    def step(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any] | None:
        _check.steps_left -= 1
        if _check.steps_left < 0:
            raise _TooManySteps
        return keyword(validator, value, instance, schema)

    return step


def _not_checked(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> None:
    return None
