"""``POST /v1/token_count``."""

from piecesd.dialects import token_count
from piecesd.http.completions import CompletionSender
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest


class TokenCountEndpoint:
    """Counts what a completion would, and begins none."""

    def __init__(self, sender: CompletionSender) -> None:
        self._sender = sender

    async def count(self, request: ApiRequest) -> None:
        sender = self._sender
        with sender.admission.place(request):
            asked = await sender.read(request, token_count.parse, completion=False)
            count = await sender.completions.count(asked.model, asked.content)
            card = token_count.CountCard(
                model=count.model_name,
                encoding=count.model.encoding,
                tokens=count.tokens,
                approximate=count.model.counts_are_approximate,
            )
            request.send(200, JSON_HEADERS, token_count.render_count(card))
