"""Many clients at a time, each with one random request after another."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from soak.answers import RuleBroken, judge
from soak.client import ConnectionBroken, ask, send_nonsense
from soak.nonsense import random_nonsense
from soak.shapes import MODELS, Shape, random_shape
from soak.workers import Connection

NONSENSE_SHARE = 0.15
_PAUSE_SECONDS = 0.1
_MOST_PROBLEMS = 50
"""So many are kept; all are counted."""


class Load:
    """Sends requests and judges what comes back.

    ``counts`` are of outcomes, ``nonsense`` of the statuses that bad input got,
    ``answered`` has the ids of good requests that got a whole response: on
    which connection, and when.

    :param may_break: whether this connection may break off, as it does with a
        worker that was killed.
    """

    def __init__(self, port: int, random: Random, may_break: Callable[[Connection], bool]) -> None:
        self.counts: Counter[str] = Counter()
        self.nonsense: Counter[int] = Counter()
        self.faults = 0
        self.problems: list[str] = []
        self.answered: dict[str, tuple[Connection, float]] = {}
        self.asked = 0
        self._port = port
        self._random = random
        self._may_break = may_break

    async def run(self, clients: int, seconds: float) -> None:
        """Keep so many clients at work for so long; returns when all are done."""
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._client(until) for _ in range(clients)))

    async def connect_all(self, calls: int) -> None:
        """So many calls of each service at a time, so that all of its channels
        are connected."""
        shapes = [
            Shape(
                request_id=self._next_id(),
                model=model,
                streamed=True,
                choices=1,
                conduct="read",
                pieces=10,
                size=20,
                pause_milliseconds=30,
            )
            for model in (MODELS[0], MODELS[-1])
            for _ in range(calls)
        ]
        await asyncio.gather(*map(self._ask, shapes))

    async def _client(self, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            if self._random.random() < NONSENSE_SHARE:
                await self._send_nonsense()
            else:
                await self._ask(random_shape(self._random, self._next_id()))
            await asyncio.sleep(self._random.uniform(0, _PAUSE_SECONDS))

    def _next_id(self) -> str:
        self.asked += 1
        return f"soak.{self.asked}"

    async def _ask(self, shape: Shape) -> None:
        self.faults += bool(shape.fault)
        try:
            response = await ask(self._port, shape, self._random)
            if response.complete:
                self.answered[shape.request_id] = response.connection, time.monotonic()
            outcome = judge(shape, response.status, response.body, complete=response.complete)
        except ConnectionBroken as error:
            outcome = self._judge_broken(shape, error)
        except RuleBroken as error:
            outcome = self._problem(shape, error)
        self.counts[outcome] += 1

    def _judge_broken(self, shape: Shape, error: ConnectionBroken) -> str:
        """It may have broken off, but with no wrong word before that."""
        response = error.response
        if not self._may_break(response.connection):
            return self._problem(shape, error)
        try:
            judge(shape, response.status, response.body, complete=False)
        except RuleBroken as wrong:
            return self._problem(shape, wrong)
        return "broken off with a killed worker"

    async def _send_nonsense(self) -> None:
        # An id that is changed must not become that of another request.
        nonsense = random_nonsense(self._random, self._next_id().replace("soak", "nonsense"))
        try:
            response = await send_nonsense(self._port, nonsense)
        except ConnectionBroken as error:
            if not self._may_break(error.response.connection):
                self._problem(nonsense, error)
            return
        except RuleBroken as error:
            self._problem(nonsense, error)
            return
        self.nonsense[response.status] += 1
        if response.status == 500 or nonsense.status not in (None, response.status):
            text = response.body.decode(errors="replace")
            self._problem(nonsense, RuleBroken(f"status {response.status}: {text}"))

    def _problem(self, what: object, error: Exception) -> str:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(f"{error} ({what!r:.300})")
        return "rule broken"
