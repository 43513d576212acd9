from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GptRequest(_message.Message):
    __slots__ = ("model", "messages", "temperature", "top_p")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    model: str
    messages: _containers.RepeatedCompositeFieldContainer[GptMessage]
    temperature: float
    top_p: float
    def __init__(self, model: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[GptMessage, _Mapping]]] = ..., temperature: _Optional[float] = ..., top_p: _Optional[float] = ...) -> None: ...

class GptMessage(_message.Message):
    __slots__ = ("role", "text")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    role: int
    text: str
    def __init__(self, role: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class GptResponse(_message.Message):
    __slots__ = ("response_code", "body")
    RESPONSE_CODE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    response_code: int
    body: GptBody
    def __init__(self, response_code: _Optional[int] = ..., body: _Optional[_Union[GptBody, _Mapping]] = ...) -> None: ...

class GptBody(_message.Message):
    __slots__ = ("id", "object", "created", "choice", "unknown")
    ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    id: str
    object: str
    created: int
    choice: GptChoice
    unknown: GptUnknownCounts
    def __init__(self, id: _Optional[str] = ..., object: _Optional[str] = ..., created: _Optional[int] = ..., choice: _Optional[_Union[GptChoice, _Mapping]] = ..., unknown: _Optional[_Union[GptUnknownCounts, _Mapping]] = ...) -> None: ...

class GptUnknownCounts(_message.Message):
    __slots__ = ("first", "second", "third")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    THIRD_FIELD_NUMBER: _ClassVar[int]
    first: int
    second: int
    third: int
    def __init__(self, first: _Optional[int] = ..., second: _Optional[int] = ..., third: _Optional[int] = ...) -> None: ...

class GptChoice(_message.Message):
    __slots__ = ("index", "message")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    message: GptMessage
    def __init__(self, index: _Optional[int] = ..., message: _Optional[_Union[GptMessage, _Mapping]] = ...) -> None: ...
