"""JSON schemas (draft 2020-12, as OpenAPI 3.1 has them) of the Structs that cross
the wire, with what the annotations of `piecesd.dialects.fields` say of them.

A schema of a request is to let through what the parser does, and nothing else;
where the rules of a body are beyond JSON Schema it says more than is accepted.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import inspect as types

from piecesd.dialects.fields import (
    Harmless,
    Needed,
    NeededFor,
    Refused,
    Treatment,
    annotations,
    treatments,
)
from piecesd.dialects.json_body import AnyArray, AnyObject

Schema = dict[str, Any]
Way = Literal["in", "out"]
"""Whether a client or piecesd writes the JSON: what piecesd writes is whole."""

COMPONENTS = "#/components/schemas/"

_DIALECTS = "piecesd.dialects."
_NULL: Schema = {"type": "null"}
_OPAQUE: Mapping[type, Schema] = {AnyObject: {"type": "object"}, AnyArray: {"type": "array"}}
_PLAIN: Mapping[type[types.Type], Schema] = {
    types.AnyType: {},
    types.RawType: {},
    types.NoneType: _NULL,
    types.BoolType: {"type": "boolean"},
    types.IntType: {"type": "integer"},
    types.FloatType: {"type": "number"},
    types.StrType: {"type": "string"},
    types.DateTimeType: {"type": "string", "format": "date-time"},
    types.ListType: {"type": "array"},
    types.VarTupleType: {"type": "array"},
    types.DictType: {"type": "object"},
}
_BOUNDS: Mapping[str, Mapping[str, str]] = {
    "number": {"ge": "minimum", "le": "maximum"},
    "integer": {"ge": "minimum", "le": "maximum"},
    "string": {"min_length": "minLength", "max_length": "maxLength"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
}
_JSON_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Schemas:
    """Collects the components that schemas refer to.

    :param ignore_unsupported: parameters that can't be honoured are not refused.
    """

    def __init__(self, *, ignore_unsupported: bool) -> None:
        self.components: dict[str, Schema] = {}
        self._ignore_unsupported = ignore_unsupported

    def reference(self, of: type[msgspec.Struct], way: Way) -> Schema:
        """A schema that refers to the component for ``of``, which there is now."""
        name = component_name(of)
        if name not in self.components:
            info = types.type_info(of)
            assert isinstance(info, types.StructType)
            self._add(info, way)
        return {"$ref": COMPONENTS + name}

    def _add(self, of: types.StructType, way: Way) -> Schema:
        """As `reference`, of what is inspected already."""
        name = component_name(of.cls)
        if name not in self.components:
            self.components[name] = {}  # for a Struct that holds itself
            self.components[name] = self._struct(of, way)
        return {"$ref": COMPONENTS + name}

    def _struct(self, info: types.StructType, way: Way) -> Schema:
        of = info.cls
        schema: Schema = {
            "type": "object",
            "properties": {field.encode_name: self._type(field.type, way) for field in info.fields},
            "required": [field.encode_name for field in info.fields if _required(field, way)],
        }
        if info.tag_field is not None:
            schema["properties"] = {info.tag_field: {"const": info.tag}} | schema["properties"]
            schema["required"] = [info.tag_field, *schema["required"]]
        if way == "in":
            schema["required"] += annotations(of, Needed)
            for name, treatment in treatments(of).items():
                self._treat(schema["properties"], name, treatment)
            if needs := annotations(of, NeededFor):
                schema["allOf"] = list(_needs(info, schema["properties"], needs))
        return schema

    def _type(self, of: types.Type, way: Way) -> Schema:
        match of:
            case types.Metadata(type=inner, extra_json_schema=extra):
                return _narrowed(self._type(inner, way), extra or {})
            case types.UnionType(types=options):
                return any_of([self._type(option, way) for option in options])
            case types.LiteralType(values=values):
                return {"enum": list(values)}
            case types.TupleType(item_types=()):
                return {"type": "array", "maxItems": 0}
            case types.StructType(cls=cls):
                return dict(_OPAQUE[cls]) if cls in _OPAQUE else self._add(of, way)
        schema = dict(_PLAIN[type(of)])
        for attribute, keyword in _BOUNDS.get(schema.get("type", ""), {}).items():
            bound = getattr(of, attribute, None)
            if bound is not None:
                schema[keyword] = bound
        if isinstance(of, types.ListType | types.VarTupleType):
            schema["items"] = self._type(of.item_type, way)
        elif isinstance(of, types.DictType):
            schema["additionalProperties"] = self._type(of.value_type, way)
        return schema

    def _treat(self, properties: dict[str, Schema], name: str, how: Treatment | Refused) -> None:
        """Say in a schema of a field what becomes of it."""
        schema = properties[name]
        if isinstance(how, Treatment):
            properties[name] = schema | {"x-treatment": how.value}
        elif self._ignore_unsupported:
            why = f"Accepted without effect: {how.why.en}"
            properties[name] = schema | {"description": why, "x-treatment": "ignored"}
        else:
            harmless = how.asks_for_nothing
            if isinstance(harmless, Harmless):
                schema = {"enum": [None, *_fitting(harmless.values, schema)]}
            elif how.fits is not None:
                schema = schema | dict(how.fits)
            properties[name] = schema | {"description": how.why.en, "x-treatment": "refused"}


def component_name(of: type[msgspec.Struct]) -> str:
    """Such as ``openai_chat.body.Body``."""
    return f"{of.__module__.removeprefix(_DIALECTS)}.{of.__name__.removeprefix('_')}"


def _required(field: types.Field, way: Way) -> bool:
    if way == "in":
        return field.required
    return field.required or field.default is not msgspec.NODEFAULT


def any_of(options: list[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": options}


def _narrowed(schema: Schema, extra: Schema) -> Schema:
    """Both hold; what names a type of its own says it all."""
    return dict(extra) if "type" in extra else schema | extra


def _fitting(values: tuple[Any, ...], schema: Schema) -> list[Any]:
    """Those of ``values`` that are of a type that ``schema`` is about."""
    options = schema.get("anyOf", [schema])
    fit = {option.get("type", "object").replace("integer", "number") for option in options}
    return [value for value in values if _JSON_TYPES[type(value)] in fit]


def _needs(
    of: types.StructType, properties: dict[str, Schema], needs: Mapping[str, NeededFor]
) -> Iterator[Schema]:
    """For each field that some kinds need: if it is one of them, it is there."""
    defaults = {field.encode_name: field.default for field in of.fields}
    for name, need in needs.items():
        is_one: Schema = {"properties": {need.tag: {"enum": list(need.kinds)}}}
        if defaults[need.tag] not in need.kinds:
            is_one["required"] = [need.tag]
        options = properties[name].get("anyOf", [properties[name]])
        schema = any_of([each for each in options if each != _NULL]) | dict(need.fits or {})
        yield {"if": is_one, "then": {"properties": {name: schema}, "required": [name]}}
