"""Who may import whom: the house's rooms, and nothing that reaches past them.

Read from the source by `ast`, so an import inside a function counts like any
other, and so does one under ``if TYPE_CHECKING``: a room that knows another's
types changes with them.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

REPO = Path(__file__).parent.parent

_VALUES = ("piecesd.chat", "piecesd.errors")
_DEFERRED_AND_CLOCK = (
    "twisted.internet.defer",
    "twisted.internet.interfaces",
    "twisted.internet.task",
    "twisted.logger",
    "twisted.python.failure",
)

# A room is a module, or a package with all in it that has no row of its own.
# Beside what its row says it may import itself and the standard library. A name
# stands for all that is in it, and * for any characters.
ROOMS: Mapping[str, tuple[str, ...]] = {
    "piecesd": (),
    # Values in, values out: no Twisted, no grpc.
    "piecesd.chat": (),
    "piecesd.errors": (),
    "piecesd.catalog": (*_VALUES, "msgspec"),
    "piecesd.config": (*_VALUES, "piecesd.access.networks", "dotenv"),
    "piecesd.health": ("piecesd.config",),
    "piecesd.stats": _VALUES,
    "piecesd.history": ("piecesd.stats",),
    "piecesd.web": ("piecesd.errors",),
    "piecesd.access": ("piecesd.errors", "piecesd.shared"),
    "piecesd.access.networks": (),
    "piecesd.access.tap": ("piecesd.access", "piecesd.config", "piecesd.process", "twisted"),
    "piecesd.access.shared_violations": ("piecesd.access", "piecesd.shared", "twisted.logger"),
    "piecesd.access.service": (
        "piecesd.access",
        *_DEFERRED_AND_CLOCK,
        "twisted.application.service",
        "twisted.python.threadpool",
    ),
    "piecesd.dialects": (*_VALUES, "msgspec"),
    "piecesd.openapi": (*_VALUES, "piecesd.dialects", "msgspec"),
    "piecesd.emulation": (*_VALUES, "jsonschema", "referencing"),
    "piecesd.families": (*_VALUES, "piecesd._pb.*_pb2", "google.protobuf"),
    "piecesd.tokens": (*_VALUES, "tiktoken", "tokenizers"),
    # gRPC, and what hides it.
    "piecesd._pb": ("google.protobuf", "grpc"),
    "piecesd.upstream": (
        *_VALUES,
        *_DEFERRED_AND_CLOCK,
        "piecesd.__version__",
        "piecesd._pb",
        "piecesd.config",
        "piecesd.families",
        "grpc",
        "twisted.application.service",
        "twisted.python.threadpool",
    ),
    "piecesd.upstream.interface": _VALUES,
    "piecesd.upstream.scaling": (),
    "piecesd.upstream.health": (),
    "piecesd.upstream.status": ("piecesd.errors", "grpc"),
    "piecesd.upstream.grpc_private": ("grpc",),
    "piecesd.upstream.bridge": ("piecesd.errors", *_DEFERRED_AND_CLOCK),
    "piecesd.upstream.scripted": (*_VALUES, *_DEFERRED_AND_CLOCK, "piecesd.upstream.interface"),
    "piecesd.embedded": (
        *_VALUES,
        "piecesd._pb",
        "piecesd.families",
        "grpc",
        "msgspec",
        "treq",
        "twisted",
    ),
    "piecesd.embedded.tap": (
        "piecesd.config",
        "piecesd.daemon",
        "piecesd.embedded",
        "piecesd.version",
        "twisted",
    ),
    # The way of a request.
    "piecesd.completion": (
        *_VALUES,
        *_DEFERRED_AND_CLOCK,
        "piecesd.catalog",
        "piecesd.config",
        "piecesd.emulation",
        "piecesd.stats",
        "piecesd.tokens",
        "piecesd.upstream.interface",
    ),
    # Values and files.
    "piecesd.shared": (),
    # Only what asks a Redis knows threads.
    "piecesd.ratelimits": (*_VALUES, "piecesd.shared", "limits", "twisted.logger"),
    "piecesd.ratelimits.policy": (),
    "piecesd.ratelimits.redis_*": (
        *_DEFERRED_AND_CLOCK,
        "piecesd.ratelimits",
        "limits.storage",
        "redis",
        "twisted.application.service",
        "twisted.python.threadpool",
    ),
    "piecesd.ratelimits.parts": (
        "piecesd.process",
        "piecesd.ratelimits",
        "piecesd.shared",
        "twisted",
    ),
    "piecesd.ratelimits.tap": ("piecesd.config", "piecesd.ratelimits", "twisted"),
    # Only its service knows threads, and nothing of it JSON.
    "piecesd.store": ("piecesd.errors", "piecesd.shared.file"),
    "piecesd.store.service": (
        *_DEFERRED_AND_CLOCK,
        "piecesd.errors",
        "piecesd.store",
        "twisted.application.service",
        "twisted.python.threadpool",
    ),
    "piecesd.store.tap": (
        "piecesd.config",
        "piecesd.process",
        "piecesd.store",
        "twisted.internet.threads",
    ),
    "piecesd.http": (
        *_VALUES,
        "piecesd.access",
        "piecesd.catalog",
        "piecesd.completion",
        "piecesd.dialects",
        "piecesd.history",
        "piecesd.openapi",
        "piecesd.ratelimits.limiter",
        "piecesd.ratelimits.policy",
        "piecesd.stats",
        "piecesd.store.file.StoredResponse",
        "piecesd.web",
        "klein",
        "twisted",
        "werkzeug.exceptions",
        "zope.interface",
    ),
    # The sockets, which a supervisor opens too, know nothing of what they are for.
    "piecesd.http.sockets": ("piecesd.config", "twisted.internet.endpoints"),
    "piecesd.http.listening": ("piecesd.config", "piecesd.http", "twisted"),
    "piecesd.http.tls": ("OpenSSL", "twisted", "zope.interface"),
    # What Prometheus is told.
    "piecesd.metrics": (
        *_VALUES,
        "piecesd.stats",
        "prometheus_client",
        "twisted.application.service",
        "twisted.internet",
        "twisted.logger",
    ),
    "piecesd.metrics.shared": ("piecesd.shared",),
    "piecesd.metrics.lag": (
        "twisted.application.service",
        "twisted.internet.interfaces",
        "twisted.internet.task",
        "twisted.logger",
    ),
    "piecesd.metrics.tap": (
        "piecesd.access.gate",
        "piecesd.config",
        "piecesd.http",
        "piecesd.metrics",
        "piecesd.stats",
        "twisted.application.service",
    ),
    # The whole process.
    "piecesd.logs": ("twisted", "zope.interface"),
    "piecesd.process": ("twisted.python.threadpool",),
    "piecesd.signals": ("twisted",),
    "piecesd.systemd": ("twisted",),
    "piecesd.version": ("piecesd.__version__",),
    "piecesd.daemon": (
        "piecesd.config",
        "piecesd.http.listening",
        "piecesd.http.site",
        "piecesd.http.sockets",
        "piecesd.process",
        "twisted",
    ),
    "piecesd.wiring": (
        "piecesd.config",
        "piecesd.http.sockets",
        "piecesd.logs",
        "piecesd.version",
        "twisted.logger",
    ),
    # Several processes. Only pipes carry JSON, and none of it makes a channel.
    "piecesd.workers": (
        "piecesd.daemon",
        "piecesd.http.sockets",
        "piecesd.logs",
        "piecesd.shared",
        "piecesd.signals",
        "piecesd.systemd",
        "msgspec",
        "twisted",
    ),
    "piecesd.workers.fleet": _DEFERRED_AND_CLOCK,
    "piecesd.workers.turns": (),
    "piecesd.workers.figures": ("piecesd.history", "piecesd.workers.messages"),
    "piecesd.workers.roll_call": (
        "piecesd.workers.figures",
        "piecesd.workers.messages",
        "twisted.internet.interfaces",
    ),
    "piecesd.workers.tap": (
        "piecesd.config",
        "piecesd.http.listening",
        "piecesd.http.sockets",
        "piecesd.process",
        "piecesd.systemd",
        "piecesd.version",
        "piecesd.wiring",
        "piecesd.workers",
        "twisted.application.reactors",
        "twisted.internet.default",
    ),
    "piecesd.plugin": (
        "piecesd.catalog",
        "piecesd.config",
        "piecesd.daemon",
        "piecesd.tap",
        "piecesd.version",
        "piecesd.workers",
        "twisted",
    ),
    "piecesd.tap": ("piecesd", "twisted"),
    # The same in the event loop of an ASGI server, which only `running` starts.
    "piecesd.asgi": ("piecesd.errors", "piecesd.http", "twisted", "zope.interface"),
    "piecesd.asgi.service": ("piecesd.daemon", "piecesd.http.site", "twisted"),
    "piecesd.asgi.running": (
        "piecesd.asgi",
        "piecesd.config",
        "piecesd.daemon",
        "piecesd.http.site",
        "piecesd.plugin",
        "piecesd.tap",
        "twisted.internet.error",
    ),
    "piecesd.command": ("piecesd.plugin", "twisted"),
    "piecesd.__main__": ("piecesd.command", "piecesd.version"),
    "piecesd.workers.__main__": ("piecesd.command",),
    "piecesd.manual": ("piecesd.command", "piecesd.config", "twisted.python.usage"),
}

ROOMS_OF_GRPC = ("piecesd._pb", "piecesd.embedded", "piecesd.upstream")


def is_in(name: str, room: str) -> bool:
    """Whether a dotted name is ``room``, or something in it."""
    return fnmatchcase(name, room) or fnmatchcase(name, f"{room}.*")


def room_of(module: str) -> str | None:
    """The row that is nearest to ``module``. That of `piecesd` is for itself
    alone, or a new module would always have one."""
    rows = [row for row in ROOMS if is_in(module, row) and (row != "piecesd" or module == row)]
    return max(rows, key=len, default=None)


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted names that source code imports, such as ``os.path`` and
    ``piecesd.chat.Message``; a relative import begins with its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from (f"{source}.{alias.name}" for alias in node.names)


def imported_at_import(tree: ast.AST) -> Iterator[str]:
    """As `imported`, without what stands in functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported_at_import(node)


def forbidden(module: str, names: Iterator[str]) -> list[str]:
    """Those of ``names`` that ``module`` may not import."""
    room = room_of(module)
    if room is None:
        return list(names)
    own = () if room == "piecesd" else (room,)
    return [
        name
        for name in names
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not any(is_in(name, allowed) for allowed in (*own, *ROOMS[room]))
    ]


def source_files() -> dict[str, ast.Module]:
    """Every module of the product, parsed, by its dotted name."""
    found = {}
    for path in (REPO / "piecesd").rglob("*.py"):
        parts = path.relative_to(REPO).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_bytes(), str(path))
    return found


class HouseTests(SynchronousTestCase):
    def test_every_module_is_in_a_room(self) -> None:
        """If not: give it a row above, and say in docs/decisions/ why."""
        self.assertEqual([name for name in source_files() if room_of(name) is None], [])

    def test_no_room_is_empty(self) -> None:
        self.assertEqual(set(map(room_of, source_files())), set(ROOMS))

    def test_no_module_imports_what_its_room_may_not(self) -> None:
        for name, tree in source_files().items():
            self.assertEqual(forbidden(name, imported(tree)), [], name)

    def test_grpc_is_imported_where_calls_are_made_or_served_and_nowhere_else(self) -> None:
        users = {
            name
            for name, tree in source_files().items()
            if any(is_in(each, "grpc") for each in imported(tree))
        }
        self.assertTrue(users)
        self.assertEqual(
            [name for name in users if not any(is_in(name, room) for room in ROOMS_OF_GRPC)], []
        )

    def test_no_module_imports_the_reactor_when_it_is_imported(self) -> None:
        """It would be installed before `twistd --reactor` can choose another."""
        for name, tree in source_files().items():
            self.assertNotIn("twisted.internet.reactor", imported_at_import(tree), name)


SOURCE = """
import os.path, grpc
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from piecesd.http import site
class Body:
    from klein import Klein
def later():
    from twisted.internet import reactor
"""


class ReadingTests(SynchronousTestCase):
    """The tests above would see it."""

    def test_imports_are_found_wherever_they_stand(self) -> None:
        self.assertEqual(
            set(imported(ast.parse(SOURCE))),
            {
                "os.path",
                "grpc",
                "typing.TYPE_CHECKING",
                "piecesd.http.site",
                "klein.Klein",
                "twisted.internet.reactor",
            },
        )

    def test_those_in_functions_are_told_apart(self) -> None:
        self.assertEqual(
            set(imported(ast.parse(SOURCE))) - set(imported_at_import(ast.parse(SOURCE))),
            {"twisted.internet.reactor"},
        )

    def test_the_standard_library_and_the_own_room_are_free(self) -> None:
        names = ["os.path", "piecesd.dialects.sse.frame", "piecesd.chat.Message"]
        self.assertEqual(forbidden("piecesd.dialects.openai_reply", iter(names)), [])

    def test_another_room_is_not(self) -> None:
        names = ["piecesd.http.app", "grpc", "piecesd", "piecesd.chatter", ".sse.frame"]
        self.assertEqual(forbidden("piecesd.dialects.openai_reply", iter(names)), names)

    def test_a_module_with_a_row_of_its_own_does_not_have_its_packages_rights(self) -> None:
        names = ["piecesd.families.FAMILIES", "grpc"]
        self.assertEqual(forbidden("piecesd.upstream.client", iter(names)), [])
        self.assertEqual(forbidden("piecesd.upstream.bridge", iter(names)), names)

    def test_families_see_messages_and_never_stubs(self) -> None:
        names = ["piecesd._pb.gpt_pb2", "piecesd._pb.gpt_pb2.Request", "piecesd._pb.gpt_pb2_grpc"]
        self.assertEqual(forbidden("piecesd.families.gpt", iter(names)), names[2:])

    def test_the_package_itself_imports_nothing_that_is_in_it(self) -> None:
        self.assertEqual(forbidden("piecesd", iter(["piecesd.tap"])), ["piecesd.tap"])

    def test_a_new_module_has_no_room(self) -> None:
        self.assertIsNone(room_of("piecesd.novelty"))
