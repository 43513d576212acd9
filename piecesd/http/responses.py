"""The Responses API: responses that are made, kept, shown and gone on from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from twisted.internet.interfaces import IReactorTime

from piecesd.chat import Answer, ChatRequest
from piecesd.dialects import openai_responses
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_responses.items import Item
from piecesd.dialects.openai_responses.reply import response_id
from piecesd.dialects.openai_responses.request import ResponseCall
from piecesd.dialects.openai_responses.stored import (
    all_items,
    encode_items,
    output_items,
    parse_page,
    refuse_stream,
    render_deleted,
    render_page,
)
from piecesd.dialects.openai_responses.stream import ResponseRenderer
from piecesd.dialects.refusals import NOT_STORED
from piecesd.errors import (
    ItemNotFound,
    PreviousResponseNotFound,
    ResponseNotFound,
    StoreUnavailable,
    UnsupportedParameter,
)
from piecesd.http.completions import CompletionSender
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest
from piecesd.store.file import StoredResponse

if TYPE_CHECKING:
    from piecesd.http.admission import Admission


class Store(Protocol):
    """Keeps responses; see `piecesd.store.service.ResponseStore`."""

    async def save(self, record: StoredResponse) -> None: ...
    async def find(self, response_id: str, holder: str) -> StoredResponse | None: ...
    async def find_by_item(self, item_id: str, holder: str) -> StoredResponse | None: ...
    async def delete(self, response_id: str, holder: str) -> bool: ...


@dataclass(slots=True)
class _Streamed:
    """A call of which it is known afterwards what was streamed."""

    call: ResponseCall
    rendered: list[tuple[AnswerHead, ResponseRenderer]] = field(default_factory=list)

    @property
    def request(self) -> ChatRequest:
        return self.call.request

    @property
    def stream(self) -> bool:
        return self.call.stream

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        return self.call.render_answer(answer, head)

    def stream_renderer(self, head: AnswerHead) -> ResponseRenderer:
        renderer = self.call.stream_renderer(head)
        self.rendered.append((head, renderer))
        return renderer


class ResponsesEndpoint:
    """Makes responses.

    :param store: None where none are kept.
    """

    def __init__(self, sender: CompletionSender, store: Store | None, clock: IReactorTime) -> None:
        self._sender = sender
        self._store = store
        self._clock = clock

    async def create(self, request: ApiRequest, path_model: str = "") -> None:
        """Answer ``request`` with a response, which is stored unless it is not to be."""
        sender = self._sender
        with sender.admission.place(request):
            parsed = await sender.read(request, openai_responses.parse, completion=True)
            holder = sender.admission.holder(request)
            call = await self._prepared(parsed, holder)
            save = partial(self._save, call, holder)
            streamed = _Streamed(call)
            await sender.send(request, streamed, path_model=path_model, before_whole=save)
            for head, renderer in streamed.rendered:
                if renderer.response is not None and not request.gone:
                    await self._save_sent(call, holder, head, renderer.response)

    async def _prepared(self, call: ResponseCall, holder: str) -> ResponseCall:
        """``call`` with what it goes on from."""
        stored = self._store is not None and call.store is not False
        if call.store and not stored and not self._sender.settings.ignore_unsupported_params:
            raise UnsupportedParameter(param="store", detail=NOT_STORED)
        referenced: dict[str, Item] = {}
        for reference in call.references:
            if reference.id not in referenced:
                item = await self._referenced(reference.id, reference.param, holder)
                referenced[reference.id] = item
        return call.prepared(
            stored=stored,
            now=lambda: int(self._clock.seconds()),
            context=await self._context(call.previous_response_id, holder),
            referenced=referenced,
        )

    async def _context(self, previous_id: str | None, holder: str) -> list[Item]:
        """:raises PreviousResponseNotFound: there is no such response."""
        if previous_id is None:
            return []
        if self._store is None:
            raise UnsupportedParameter(param="previous_response_id", detail=NOT_STORED)
        previous = await self._store.find(previous_id, holder)
        if previous is None:
            raise PreviousResponseNotFound(param="previous_response_id", response=previous_id)
        return all_items(previous.response, previous.input_items)

    async def _referenced(self, item_id: str, param: str, holder: str) -> Item:
        """:raises ItemNotFound: there is no such item."""
        if self._store is None:
            raise UnsupportedParameter(param=param, detail=NOT_STORED)
        found = await self._store.find_by_item(item_id, holder)
        if found is not None:
            for item in all_items(found.response, found.input_items):
                if item.id == item_id:
                    return item
        raise ItemNotFound(param=param, item=item_id)

    async def _save(
        self, call: ResponseCall, holder: str, head: AnswerHead, response: bytes
    ) -> None:
        if self._store is None or not call.echo.store:
            return
        given = call.input_items(head)
        new = [*given[len(call.context) :], *output_items(response)]
        await self._store.save(
            StoredResponse(
                id=response_id(head),
                holder=holder,
                created_unix=head.created_unix,
                response=response,
                input_items=encode_items(given),
                item_ids=[item.id for item in new],
            )
        )

    async def _save_sent(
        self, call: ResponseCall, holder: str, head: AnswerHead, response: bytes
    ) -> None:
        """As `_save`, when nobody can be told any more that it failed."""
        with suppress(StoreUnavailable):  # the log has it
            await self._save(call, holder, head, response)


class StoredResponsesEndpoint:
    """Shows and deletes those that are kept, each to the key that made it.

    :param store: None where none are kept.
    """

    def __init__(self, admission: Admission, store: Store | None) -> None:
        self._admission = admission
        self._store = store

    async def show(self, request: ApiRequest, wanted_id: str, path_model: str = "") -> None:
        """Send a response as it was; ``path_model`` makes no difference."""
        with self._admission.place(request):
            await self._admission.admit(request, completion=False)
            refuse_stream(request.query)
            found = await self._found(request, wanted_id)
            request.send(200, JSON_HEADERS, found.response)

    async def list_input(self, request: ApiRequest, wanted_id: str, path_model: str = "") -> None:
        """Send a part of what the model was given."""
        with self._admission.place(request):
            await self._admission.admit(request, completion=False)
            page = parse_page(request.query)
            found = await self._found(request, wanted_id)
            request.send(200, JSON_HEADERS, render_page(found.input_items, page))

    async def delete(self, request: ApiRequest, wanted_id: str, path_model: str = "") -> None:
        with self._admission.place(request):
            await self._admission.admit(request, completion=False)
            holder = self._admission.holder(request)
            if self._store is None or not await self._store.delete(wanted_id, holder):
                raise ResponseNotFound(response=wanted_id)
            request.send(200, JSON_HEADERS, render_deleted(wanted_id))

    async def _found(self, request: ApiRequest, wanted_id: str) -> StoredResponse:
        """:raises ResponseNotFound: there is none, or it is another key's."""
        holder = self._admission.holder(request)
        found = None if self._store is None else await self._store.find(wanted_id, holder)
        if found is None:
            raise ResponseNotFound(response=wanted_id)
        return found
