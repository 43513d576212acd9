from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VertexRequest(_message.Message):
    __slots__ = ("model", "arguments")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    model: str
    arguments: VertexArguments
    def __init__(self, model: _Optional[str] = ..., arguments: _Optional[_Union[VertexArguments, _Mapping]] = ...) -> None: ...

class VertexArguments(_message.Message):
    __slots__ = ("content", "rules")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    content: VertexContent
    rules: str
    def __init__(self, content: _Optional[_Union[VertexContent, _Mapping]] = ..., rules: _Optional[str] = ...) -> None: ...

class VertexContent(_message.Message):
    __slots__ = ("kind", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: int
    text: str
    def __init__(self, kind: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class VertexResponse(_message.Message):
    __slots__ = ("response_code", "reply")
    RESPONSE_CODE_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    response_code: int
    reply: VertexReply
    def __init__(self, response_code: _Optional[int] = ..., reply: _Optional[_Union[VertexReply, _Mapping]] = ...) -> None: ...

class VertexReply(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: VertexReplyBody
    def __init__(self, body: _Optional[_Union[VertexReplyBody, _Mapping]] = ...) -> None: ...

class VertexReplyBody(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: VertexContent
    def __init__(self, content: _Optional[_Union[VertexContent, _Mapping]] = ...) -> None: ...
