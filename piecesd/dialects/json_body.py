"""Decodes JSON bodies, and says in the client's terms what is wrong with one.

msgspec checks the types while it decodes; what it has against a body is put
into the words of `piecesd.errors` here and nowhere else.
"""

import re
from typing import Annotated, TypeVar

import msgspec

from piecesd.errors import (
    ApiError,
    InvalidValue,
    MalformedJson,
    MissingParameter,
    NotAnObject,
    Phrase,
    WrongType,
)

T = TypeVar("T")

MAX_MENDED_BYTES = 512 * 1024
"""A longer body is not searched for half a surrogate pair: it takes the thread
that serves everybody 0.03 s, if it is made for that."""

MAX_STRINGS = 100_000
"""Names and texts in a body. To build values of each costs that thread time: with
three million of them, 0.4 s. No request that has an answer needs so many."""

ObjectText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
"""For a field of which `object_text` is read."""

ABSENT = msgspec.Raw(b"")
"""For a field of which only the text is wanted, where there is none."""

_NOT_UTF_8 = Phrase("it is not UTF-8.", "不是 UTF-8 编码。")

_COMPLAINT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISMATCH = re.compile(r"Expected `(?P<expected>.*)`, got `(?P<got>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")

_BEYOND = [
    (re.compile(pattern), en, zh)
    for pattern, en, zh in [
        (r"Expected `(?:int|float)` >= (-?\d+)(?:\.0)?", "at least {}", "不得小于 {}"),
        (r"Expected `(?:int|float)` <= (-?\d+)(?:\.0)?", "at most {}", "不得大于 {}"),
        (r"Expected `str` of length >= (\d+)", "at least {} characters long", "至少 {} 个字符"),
        (r"Expected `str` of length <= (\d+)", "at most {} characters long", "最多 {} 个字符"),
        (r"Expected `array` of length >= (\d+)", "a list of at least {}", "至少 {} 个"),
        (r"Expected `array` of length <= (\d+)", "a list of at most {}", "最多 {} 个"),
    ]
]
"""What msgspec says of values out of bounds, and what it must be."""

# Applied after escaped backslashes are out of the way, so that every backslash
# left begins an escape.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class AnyObject(msgspec.Struct):
    """An object of which nothing is kept, so that decoding it costs next to nothing."""


class AnyArray(msgspec.Struct, array_like=True):
    """An array of which nothing is kept but whether it is empty; then it is falsy."""

    first: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def __bool__(self) -> bool:
        return self.first is not msgspec.UNSET


def decode_body(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    r"""The value of a JSON body.

    The escape of half a surrogate pair (``"\ud83d"``), which clients send that
    cut a text in the middle of an emoji, becomes U+FFFD: no encoding can carry
    it (Unicode 3.9, D92), and the rest of the text is fine. In a body over
    `MAX_MENDED_BYTES` it is an error.

    :raises MalformedJson: it is not JSON, not UTF-8, nested too deeply, or made
        of more than `MAX_STRINGS` strings.
    :raises InvalidRequest: a field is missing or has the wrong type; ``param``
        is its path, such as ``messages[0].content``.
    """
    _bound_strings(data)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except msgspec.DecodeError as error:
        if len(data) <= MAX_MENDED_BYTES:
            mended, mends = _LONE_SURROGATE.subn(rb"\\ufffd", data.replace(rb"\\", rb"\u005c"))
            if mends:
                return decode_body(decoder, mended)
        raise MalformedJson(detail=_syntax_complaint(str(error), data)) from None
    except UnicodeDecodeError:
        raise MalformedJson(detail=_NOT_UTF_8) from None
    except RecursionError:
        raise MalformedJson(detail=Phrase("it is nested too deeply.", "嵌套过深。")) from None


def object_text(raw: msgspec.Raw, path: str) -> str:
    """The text of the JSON object that stands at ``path``; empty where nothing
    or null does.

    :raises WrongType: it is something else.
    :raises MalformedJson: it is not UTF-8; what is kept raw was not decoded yet.
    """
    return _text_of(raw, path, b"{", Phrase("expected an object.", "应为对象。"))


def array_text(raw: msgspec.Raw, path: str) -> str:
    """As `object_text`, of an array."""
    return _text_of(raw, path, b"[", Phrase("expected an array.", "应为数组。"))


def _text_of(raw: msgspec.Raw, path: str, opening: bytes, complaint: Phrase) -> str:
    text = bytes(raw).strip()
    if text in (b"", b"null"):
        return ""
    if not text.startswith(opening):
        raise WrongType(param=path, detail=complaint)
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise MalformedJson(detail=_NOT_UTF_8) from None


def _bound_strings(data: bytes) -> None:
    """Refuse a body that would take long to decode; this takes 2 ms a mebibyte.

    A quotation mark after an even number of backslashes begins or ends a string.
    Only those after a single one are left out here, so the count is never too low.
    """
    marks = data.count(b'"')
    if marks > 2 * MAX_STRINGS:
        marks += data.count(rb'\\"') - data.count(rb"\"")
    if marks > 2 * MAX_STRINGS:
        raise MalformedJson(
            detail=Phrase(
                f"it has more than {MAX_STRINGS} strings.", f"字符串超过 {MAX_STRINGS} 个。"
            )
        )


def _misfit(complaint: str) -> ApiError:
    """The error for what msgspec says of JSON that doesn't fit the type."""
    match = _COMPLAINT.fullmatch(complaint)
    assert match is not None
    what, path = match["what"], match["path"] or ""
    if missing := _MISSING.fullmatch(what):
        return MissingParameter(param=f"{path}.{missing['name']}".lstrip("."))
    if mismatch := _MISMATCH.fullmatch(what):
        expected, got = mismatch["expected"], mismatch["got"]
        if not path:
            return NotAnObject(kind=got)
        return WrongType(
            param=path,
            detail=Phrase(f"expected {expected}, got {got}.", f"应为 {expected}，实际为 {got}。"),
        )
    for complaints, en, zh in _BEYOND:
        if match := complaints.fullmatch(what):
            bound = match[1]
            return InvalidValue(
                param=path,
                detail=Phrase(f"it must be {en.format(bound)}.", f"{zh.format(bound)}。"),
            )
    # Nothing else is left but numbers that fit no machine type.
    return InvalidValue(param=path, detail=Phrase(f"{what.lower()}.", "数值超出范围。"))


def _syntax_complaint(complaint: str, data: bytes) -> Phrase:
    if "truncated" in complaint:
        return Phrase(
            f"it ends too early, after {len(data)} bytes.", f"在 {len(data)} 字节后意外结束。"
        )
    detail = complaint.removeprefix("JSON is malformed: ")
    return Phrase(f"{detail}.", f"{detail}。")
