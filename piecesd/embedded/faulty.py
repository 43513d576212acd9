"""A model that fails on demand: carries out what `piecesd.embedded.faults` reads."""

import asyncio
from collections import Counter, deque
from dataclasses import replace

import grpc

from piecesd.chat import ChatRequest
from piecesd.embedded.checked import checked_pieces
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
                fault = replace(fault, outcome=None)
        return _FaultyStream(self._answer(request, fault, paced=paced), fault)

    def _answer(self, request: ChatRequest, fault: Fault, *, paced: bool) -> AnswerStream:
        if fault.is_checked:
            question = request.messages[-1].text
            return _ListedPieces(checked_pieces(question, fault.pieces or 1, fault.size or 1))
        if fault.pieces is None and fault.size is None:
            return self._model.open(request, paced=paced)
        pieces = 1 if fault.pieces is None else fault.pieces
        size = 1 if fault.size is None else fault.size
        return _CountedPieces(pieces, size)


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


class _ListedPieces:
    def __init__(self, texts: list[str]) -> None:
        self._texts = deque(texts)

    async def next_piece(self) -> Piece:
        return Piece(self._texts.popleft(), is_last=not self._texts)

    def close(self) -> None:
        self._texts.clear()


class _FaultyStream:
    def __init__(self, answer: AnswerStream, fault: Fault) -> None:
        self._answer = answer
        self._fault = fault
        self._sent = 0
        self._is_over = False

    async def next_piece(self) -> Piece:
        fault = self._fault
        if fault.pause_milliseconds:
            await asyncio.sleep(fault.pause_milliseconds / 1000)
        if fault.outcome is None:
            return await self._answer.next_piece()
        if fault.is_late:
            piece = await self._answer.next_piece()
            return replace(piece, afterwards=self._meet) if piece.is_last else piece
        if self._is_over or self._sent == fault.after:
            await self._meet()
        piece = await self._answer.next_piece()
        self._sent += 1
        self._is_over = piece.is_last
        return Piece(piece.text, is_last=False)

    async def _meet(self) -> None:
        """Come to the outcome.

        :raises Failure: always, unless it is to wait for ever.
        """
        outcome = self._fault.outcome
        if isinstance(outcome, AnswerFailed | CallFailed):
            raise outcome
        assert outcome is not None
        if outcome == "stall":
            await asyncio.Event().wait()
        raise Sabotaged(outcome)

    def close(self) -> None:
        self._answer.close()
