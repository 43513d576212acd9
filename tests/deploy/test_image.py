"""The Dockerfile, built and run for real, as docker-compose.yml confines it.

The tests share one image; making its base and building it takes about a minute.
"""

import atexit
import dataclasses
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest, skipIf

import openai
import yaml
from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from tests.deploy import missing
from tests.deploy.containers import Confinement, Container, Image, Store, bundle
from tests.deploy.proxies import free_port
from tests.integration.daemon import ROOT, run_directory
from tests.integration.web import chat, open_chat

BUILD = {"VERSION": __version__, "BUILD_TIME": "2023-11-14T22:13:20Z", "COMMIT": "0123456789ab"}
LOGS = "/var/log/piecesd"
NEVER = "[[fault: stall]]"

WRITE_ANYWHERE = """
import os
for place in ("/", "/etc/piecesd", "/opt/piecesd", "/usr", "/var/tmp", "/tmp", "/var/log/piecesd"):
    try:
        open(os.path.join(place, "written"), "w").close()
        os.remove(os.path.join(place, "written"))
        print(place)
    except OSError:
        pass
"""


def service() -> Any:
    """piecesd in docker-compose.yml."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["piecesd"]


@cache
def built_image() -> Image:
    """The image; it is gone when the process ends."""
    store = Store()
    atexit.register(store.remove)
    store.make_base()
    return store.build(**BUILD)


def logs_volume(test: SynchronousTestCase, image: Image) -> Path:
    """A directory as a new volume would be: with the owner it has in the image."""
    directory = run_directory(test) / "logs"
    inside = image.root / LOGS.lstrip("/")
    shutil.copytree(inside, directory)
    owner = inside.stat()
    os.chown(directory, owner.st_uid, owner.st_gid)
    return directory


@cache
def limits_refused() -> str:
    """What this machine says against limits on a container; empty where it sets them."""
    with TemporaryDirectory() as directory:
        confinement = Confinement.of(service(), {"logs": Path(directory)})
        tried = bundle(built_image(), ["python", "-c", ""], {}, confinement)
        container = Container(Path(directory), "piecesd-limited", tried)
        try:
            return container.console.strip() if container.wait(60) else ""
        finally:
            container.remove()


@skipIf(reason := missing("debootstrap", "buildah", "runc"), reason)
class ImageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.image = built_image()
        self.port = free_port()
        self.logs = logs_volume(self, self.image)
        self.confinement = Confinement.of(service(), {"logs": self.logs})

    def container(self, command: Sequence[str], settings: Mapping[str, str]) -> Container:
        """A container, which ends with the test. Where this machine lets none
        be limited, it is not."""
        if limits_refused():
            self.confinement = dataclasses.replace(self.confinement, resources={})
        directory = run_directory(self)
        configuration = bundle(self.image, command, settings, self.confinement)
        container = Container(directory, f"piecesd-{directory.parent.name}", configuration)
        self.addCleanup(container.remove)
        return container

    def start(self, **settings: str) -> Container:
        """The daemon, by the image's own command, found healthy by its own check."""
        of_compose = service()["environment"] | {"HOST": "127.0.0.1", "PORT": str(self.port)}
        container = self.container(self.image.configuration["Entrypoint"], of_compose | settings)
        kind, *check = self.image.configuration["Healthcheck"]["Test"]
        self.assertEqual(kind, "CMD")
        container.await_success(*check)
        return container

    def stop(self, container: Container) -> None:
        """As compose stops it; it ends in good order before it would be killed."""
        container.signal(signal.SIGTERM)
        self.assertEqual(container.wait(self.confinement.grace_seconds), 0)
        self.assertIn("Server Shut Down", container.console)
        self.assertNotRegex(container.console, "#(error|critical)|Traceback|Read-only|denied")

    def test_it_says_what_it_was_built_of(self) -> None:
        labels = self.image.configuration["Labels"]
        said = {name.rpartition(".")[2]: value for name, value in labels.items()}
        self.assertEqual(said["version"], __version__)
        self.assertEqual(said["created"], BUILD["BUILD_TIME"])
        self.assertEqual(said["revision"], BUILD["COMMIT"])
        asked = self.container(["piecesd", "--version"], {})
        self.assertEqual(asked.wait(60), 0, asked.console)
        self.assertEqual(
            asked.console.strip(),
            f"piecesd {__version__} (built {BUILD['BUILD_TIME']}, commit {BUILD['COMMIT']})",
        )

    def test_it_holds_nothing_to_install_with(self) -> None:
        programs = {path.name for path in (self.image.root / "opt/piecesd/bin").iterdir()}
        self.assertLessEqual({"piecesd", "twistd", "python"}, programs)
        self.assertEqual({name for name in programs if name.startswith("pip")}, set())
        self.assertFalse((self.image.root / "src").exists())

    def test_it_serves_and_stops(self) -> None:
        container = self.start()
        with openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none") as client:
            stream = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hello"}], stream=True
            )
            texts = [chunk.choices[0].delta.content or "" for chunk in stream]
        self.assertGreater(len(texts), 20)
        self.assertTrue("".join(texts).endswith("says: hello"))
        self.stop(container)

    def test_it_lets_requests_finish_and_cuts_what_does_not(self) -> None:
        container = self.start(UPSTREAM_FAULTS="true", ECHO_DELAY="0.02", DRAIN_TIMEOUT="6")
        clients = [open_chat(self.port, text, stream=True) for text in ("hello", NEVER)]
        clients[0].next_text()
        began = time.monotonic()
        self.stop(container)
        self.assertTrue(clients[0].streamed().is_done)
        self.assertEqual(clients[1].reply().error["code"], "shutting_down")
        self.assertGreater(time.monotonic() - began, 5.5)

    def test_it_has_no_rights_and_writes_where_it_should_only(self) -> None:
        container = self.start()
        self.assertEqual(chat(self.port, "hello").status, 200)
        status = Path("/proc", str(container.pid), "status").read_text()
        for line in ("Uid:\t10001\t10001\t10001\t10001", "CapEff:\t0000000000000000",
                     "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):  # fmt: skip
            self.assertIn(f"\n{line}\n", status)
        code, writable = container.execute("python", "-c", WRITE_ANYWHERE)
        self.assertEqual((code, writable.split()), (0, ["/tmp", LOGS]))
        self.assertEqual(container.execute("python", "-c", "import os; print(os.listdir('/tmp'))"),
                         (0, "[]\n"))  # fmt: skip
        self.stop(container)
        self.assertEqual([path.name for path in self.logs.iterdir()], ["piecesd.log"])
        self.assertIn(" -> 200 ", (self.logs / "piecesd.log").read_text())

    def test_several_workers_share_what_they_have_to_in_memory(self) -> None:
        container = self.start(WORKERS="2")
        self.assertEqual(chat(self.port, "hello").status, 200)
        self.stop(container)

    def test_it_is_limited_as_the_compose_file_says(self) -> None:
        if reason := limits_refused():
            raise SkipTest(f"this machine lets no container be limited: {reason}")
        resources = service()["deploy"]["resources"]
        self.assertEqual(resources["limits"], {"cpus": "1", "memory": "1G"})
        container = self.start()
        self.assertEqual(container.limits(), (1.0, 1024**3))
