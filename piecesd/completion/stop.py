"""Ends a streamed text before its first stop sequence, piece by piece.

The match that counts is the one that *completes* first: at the earliest
character with which the text so far ends in a stop, and where it ends in
several, the longest of them. This speaks of the text alone, so it can't depend
on how the text was cut into pieces, and an answer ends as early as it can.

Matching is the automaton of Aho and Corasick ("Efficient string matching",
1975): its state is the longest end of the text that begins a stop, which is
exactly what has to be held back. The steps grow with the text and not with the
stops, whatever both are.
"""

import re
from collections import deque
from functools import lru_cache


class StopMatcher:
    """Follows one answer to the first of ``stops``, none of which is empty.

    ``matched`` is the stop that ended the text, None as long as none has.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._automaton = _automaton(stops)
        self._state = 0
        self.matched: str | None = None

    @property
    def stopped(self) -> bool:
        """Whether a stop was met; nothing comes out from there on."""
        return self.matched is not None

    def feed(self, piece: str) -> str:
        """The text that may be passed on now that ``piece`` has arrived: all of
        it but a stop with what follows, or an end that may yet become a stop."""
        if self.matched is not None:
            return ""
        automaton = self._automaton
        before = self._state
        if not before and automaton.first_character(piece) is None:
            return piece
        after, consumed = automaton.advance(before, piece)
        matched = automaton.matched[after]
        if matched is None:
            self._state = after
            kept_length = automaton.depths[after]
        else:
            self._state = 0
            self.matched = matched
            kept_length = len(matched)
        passed_length = automaton.depths[before] + consumed - kept_length
        if not passed_length:
            return ""
        return (automaton.prefix(before) + piece)[:passed_length]

    def finish(self) -> str:
        """The text held back so far, to be called when the answer has ended."""
        held = self._automaton.prefix(self._state)
        self._state = 0
        return held


class _Automaton:
    """The prefixes of the stops as states; 0 is the empty prefix.

    For each state: ``depths``, its length; ``matched``, the longest stop it
    ends in, or None.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        assert all(stops), "an empty stop would match everywhere"
        self._children: list[dict[str, int]] = [{}]
        self._extends: list[str] = [""]
        """A stop that begins with the state, for each state."""
        self.depths = [0]
        self.matched: list[str | None] = [None]
        for stop in stops:
            self._add(stop)
        self._fallbacks = self._link()
        alternatives = "|".join(re.escape(character) for character in self._children[0])
        self.first_character = re.compile(alternatives or "(?!)").search
        """Finds where a stop may begin; a text without such a place can't
        leave state 0, and most texts have none."""

    def _add(self, stop: str) -> None:
        state = 0
        for depth, character in enumerate(stop, start=1):
            if character not in self._children[state]:
                self._children[state][character] = len(self._children)
                self._children.append({})
                self._extends.append(stop)
                self.depths.append(depth)
                self.matched.append(None)
            state = self._children[state][character]
        self.matched[state] = stop

    def _link(self) -> list[int]:
        """The longest proper end of each state that is a state itself; shorter
        states first, because each one's is found from its parent's."""
        fallbacks = [0] * len(self._children)
        queue = deque(self._children[0].values())
        while queue:
            state = queue.popleft()
            for character, child in self._children[state].items():
                fallback = fallbacks[state]
                while fallback and character not in self._children[fallback]:
                    fallback = fallbacks[fallback]
                fallbacks[child] = self._children[fallback].get(character, 0)
                if self.matched[child] is None:
                    self.matched[child] = self.matched[fallbacks[child]]
                queue.append(child)
        return fallbacks

    def prefix(self, state: int) -> str:
        """The text of a state."""
        return self._extends[state][: self.depths[state]]

    def advance(self, state: int, piece: str) -> tuple[int, int]:
        """Go through ``piece`` up to the first match; the state it leads to and
        the number of characters gone through."""
        children, fallbacks, matched = self._children, self._fallbacks, self.matched
        position = 0
        while position < len(piece):
            if not state:
                found = self.first_character(piece, position)
                if found is None:
                    return 0, len(piece)
                position = found.start()
            character = piece[position]
            while state and character not in children[state]:
                state = fallbacks[state]
            state = children[state].get(character, 0)
            position += 1
            if matched[state] is not None:
                break
        return state, position


# Clients send the same stops with every request, and each of a request's
# choices needs them; an automaton never changes once it is built.
@lru_cache(maxsize=8)
def _automaton(stops: tuple[str, ...]) -> _Automaton:
    return _Automaton(stops)
