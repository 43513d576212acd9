"""``POST /v1/messages/count_tokens``: how many tokens a prompt has."""

from piecesd.dialects import anthropic_messages
from piecesd.http.completions import CompletionSender
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest


class CountTokensEndpoint:
    """Counts what the completion would; no call is made."""

    def __init__(self, sender: CompletionSender) -> None:
        self._sender = sender

    async def count(self, request: ApiRequest, path_model: str = "") -> None:
        sender = self._sender
        with sender.admission.place(request):
            prompt = await sender.read(request, anthropic_messages.parse_count, completion=False)
            completion = sender.begin(request, prompt, path_model)
            with sender.under_way(completion, completion.cancel):
                tokens = await completion.input_tokens()
            request.send(200, JSON_HEADERS, anthropic_messages.render_count(tokens))
