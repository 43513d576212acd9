"""A route table that tells each request which of its routes it came by."""

import re
from collections.abc import Iterator
from typing import Any

from klein import Klein

_PART = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")

_IMPLIED_METHODS = {"HEAD", "OPTIONS"}
"""Those that come with others."""


class RoutedKlein(Klein):
    """Sets ``route`` of a request to the pattern of its route, such as
    ``/v1/models/{name}``: there are as many as the table has, whatever clients
    ask for."""

    def __init__(self) -> None:
        super().__init__()
        self._patterns: dict[str, str] = {}

    def execute_endpoint(self, endpoint: str, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Called by Klein once it has found the route."""
        if endpoint not in self._patterns:
            self._patterns = {rule.endpoint: shown(rule.rule) for rule in self.url_map.iter_rules()}
        request.route = self._patterns[endpoint]
        return super().execute_endpoint(endpoint, request, *args, **kwargs)

    def served(self) -> Iterator[tuple[str, str, str]]:
        """Of each route the pattern, the method and the name."""
        for rule in self.url_map.iter_rules():
            for method in sorted((rule.methods or set()) - _IMPLIED_METHODS):
                yield shown(rule.rule), method, rule.endpoint


def shown(rule: str) -> str:
    """A werkzeug rule without its converters: ``/<path:name>`` is ``/{name}``."""
    return _PART.sub(r"{\1}", rule)
