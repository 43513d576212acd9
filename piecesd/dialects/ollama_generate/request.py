"""Requests to Ollama's ``/api/generate``: their JSON becomes a `ChatRequest`.

Fields follow the "Generate a response" page of Ollama's API reference. As most
models do there, the services know conversations only, so a prompt is what a
user says.
"""

import msgspec

from piecesd.chat import Message
from piecesd.dialects.dialect import Acknowledgement
from piecesd.dialects.fields import refuse_unsupported
from piecesd.dialects.json_body import decode_body
from piecesd.dialects.ollama_answer import OllamaCall, acknowledgement, new_generate_line
from piecesd.dialects.ollama_generate.body import Body
from piecesd.dialects.ollama_request import (
    asks_to_unload,
    read_format,
    read_request,
    refuse_images,
)

_DECODER = msgspec.json.Decoder(Body)


def parse(body: bytes, *, ignore_unsupported: bool) -> OllamaCall | Acknowledgement:
    """Read the body of a request; see `Dialect.parse`. One without a prompt only
    asks for the model."""
    wire = decode_body(_DECODER, body)
    if not ignore_unsupported:
        refuse_unsupported(wire)
    refuse_images(wire.images, "images")
    answer_format = read_format(wire.format)
    if not wire.prompt:
        return acknowledgement(
            wire.model or "", new_generate_line, unload=asks_to_unload(wire.keep_alive)
        )
    messages = [Message(role="user", text=wire.prompt)]
    if wire.system:
        messages.insert(0, Message(role="system", text=wire.system))
    request = read_request(
        model=wire.model,
        messages=messages,
        options=wire.options,
        answer_format=answer_format,
        ignore_unsupported=ignore_unsupported,
    )
    return OllamaCall(request=request, stream=wire.stream is not False, new_line=new_generate_line)
