"""A model that fails on demand: carries out what `piecesd.embedded.faults` reads."""

import asyncio
from collections import Counter

import grpc

from piecesd.chat import ChatRequest
from piecesd.embedded.faults import Fault, FaultSyntaxError, Sabotage, find_fault
from piecesd.embedded.model import AnswerFailed, AnswerStream, CallFailed, Failure, Model, Piece


class Sabotaged(Failure):
    """The server itself is to do what no model could."""

    def __init__(self, sabotage: Sabotage) -> None:
        super().__init__(sabotage)
        self.sabotage = sabotage


class FaultyModel:
    """``model``, except where the conversation asks for a fault.

    It remembers every message that counted its attempts: for tests only.
    """

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self._model = model
        self._attempts: Counter[str] = Counter()

    def open(self, request: ChatRequest, *, paced: bool) -> AnswerStream:
        try:
            fault = find_fault(request.messages)
        except FaultSyntaxError as error:
            refusal = CallFailed(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return _FaultyStream(_CountedPieces(1, 0), Fault(outcome=refusal))
        if fault is None:
            return self._model.open(request, paced=paced)
        if fault.attempts is not None:
            message = request.messages[-1].text
            self._attempts[message] += 1
            if self._attempts[message] > fault.attempts:
                fault = Fault(pieces=fault.pieces, size=fault.size)
        if fault.pieces is None and fault.size is None:
            return _FaultyStream(self._model.open(request, paced=paced), fault)
        pieces = 1 if fault.pieces is None else fault.pieces
        size = 1 if fault.size is None else fault.size
        return _FaultyStream(_CountedPieces(pieces, size), fault)


class _CountedPieces:
    """``pieces`` times a text of ``size`` characters; an answer of no pieces
    is one empty piece."""

    def __init__(self, pieces: int, size: int) -> None:
        self._left = max(pieces, 1)
        self._text = "x" * (size if pieces else 0)

    async def next_piece(self) -> Piece:
        self._left -= 1
        return Piece(self._text, is_last=not self._left)

    def close(self) -> None:
        self._text = ""


class _FaultyStream:
    def __init__(self, answer: AnswerStream, fault: Fault) -> None:
        self._answer = answer
        self._fault = fault
        self._sent = 0
        self._is_over = False

    async def next_piece(self) -> Piece:
        outcome = self._fault.outcome
        if outcome is None:
            return await self._answer.next_piece()
        if self._is_over or self._sent == self._fault.after:
            if isinstance(outcome, AnswerFailed | CallFailed):
                raise outcome
            if outcome == "stall":
                await asyncio.Event().wait()
            raise Sabotaged(outcome)
        piece = await self._answer.next_piece()
        self._sent += 1
        self._is_over = piece.is_last
        return Piece(piece.text, is_last=False)

    def close(self) -> None:
        self._answer.close()
