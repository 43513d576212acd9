"""How the daemon starts, or says in one line why it can't."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS
from tests.integration.daemon import (
    ROOT,
    START_SECONDS,
    eventually,
    run_directory,
    start,
    start_in,
    twistd,
)
from tests.integration.web import chat, get


class RefusalTests(SynchronousTestCase):
    def refusal(self, *arguments: str, plugin: str = "pieces", **settings: str) -> str:
        """The one line with which a start ends."""
        directory = run_directory(self)
        process = twistd(directory, plugin, arguments, {"PORT": "0"} | settings)
        try:
            output, errors = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        self.assertEqual(process.returncode, 1)
        self.assertEqual(list(directory.iterdir()), [])
        # Once it has a log, the line stands there.
        (line,) = errors.decode().splitlines() or re.findall("error] (.*)", output.decode())
        self.assertNotIn("Traceback", line)
        return line

    def test_a_value_that_is_not_allowed_is_named_with_what_is(self) -> None:
        for name, value, allowed in (
            ("PORT", "70000", "65535"),
            ("TIMEOUT", "soon", "seconds"),
            ("GPT_GRPC_ADDR", "http://there:1", "host:port"),
        ):
            line = self.refusal(**{name: value})
            for part in (name, value, allowed):
                self.assertIn(part, line)
        self.assertIn("--max-retries", self.refusal("--max-retries", "many"))

    def test_a_key_that_is_not_allowed_is_not_shown(self) -> None:
        line = self.refusal(API_KEY="sp\u00e4ter")
        self.assertIn("API_KEY", line)
        self.assertNotIn("ter", line.partition("API_KEY")[2].partition("allowed")[0])

    def test_settings_that_contradict_each_other(self) -> None:
        line = self.refusal(MIN_POOL_SIZE="9", MAX_POOL_SIZE="3")
        self.assertIn("MIN_POOL_SIZE", line)
        line = self.refusal(GRPC_AUTH_TOKEN="t", GPT_GRPC_ADDR="grpc://127.0.0.1:1")
        self.assertIn("GRPC_AUTH_TOKEN", line)

    def test_files_that_can_not_be_used(self) -> None:
        self.assertIn("MODELS_FILE", self.refusal(MODELS_FILE="missing.json"))
        self.assertIn("GRPC_CA_FILE", self.refusal(GRPC_CA_FILE="missing.pem"))
        self.assertIn("--env-file", self.refusal("--env-file", "missing.env"))
        self.assertIn("DEFAULT_MODEL", self.refusal(DEFAULT_MODEL="no-such-model"))

    def test_an_option_that_does_not_exist(self) -> None:
        """Of twistd's status nothing is said: older ones exit with 0."""
        directory = run_directory(self)
        process = twistd(directory, "pieces", ["--no-such-option"], {})
        output, errors = process.communicate(timeout=START_SECONDS)
        self.assertIn(b"no-such-option", output + errors)
        ended = subprocess.run(
            [sys.executable, "-m", "piecesd", "--no-such-option"],
            cwd=directory,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
        )
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, rb"^piecesd: .*no-such-option.*\n$")

    def test_a_port_in_use(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = str(taken.getsockname()[1])
            line = self.refusal(PORT=port)
            self.assertEqual(
                line, f"piecesd: can't listen on 127.0.0.1:{port}: Address already in use"
            )

    def test_a_port_in_use_of_the_upstream_by_itself(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = str(taken.getsockname()[1])
            line = self.refusal("--port", port, plugin="pieces-upstream")
            self.assertEqual(line, f"pieces-upstream: can't listen on 127.0.0.1:{port}")

    def test_a_core_that_does_not_exist(self) -> None:
        line = self.refusal(CPU_AFFINITY="1023")
        self.assertEqual(line, "piecesd: can't start: [Errno 22] Invalid argument")


class BackgroundTests(SynchronousTestCase):
    """A daemon that has left its terminal, which is what twistd does by itself."""

    def setUp(self) -> None:
        self.directory = run_directory(self)

    def start(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """The process that returns to the terminal once the daemon has started."""
        command = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
        return subprocess.run(
            [*command, "--pidfile=pieces.pid", "pieces"],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def test_it_serves_and_ends_when_it_is_told_to(self) -> None:
        done = self.start(PORT="0", ECHO_DELAY="0", LOG_FILE="pieces.log")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        pid = int((self.directory / "pieces.pid").read_text())
        self.addCleanup(end_if_there, pid)
        log = self.directory / "pieces.log"
        self.assertTrue(eventually(lambda: log.exists() and "Listening" in log.read_text()))
        found = re.search(r"Listening on http://[^ ]*:(\d+)/", log.read_text())
        assert found is not None
        for stream in (False, True):
            self.assertEqual(chat(int(found[1]), "hello", stream=stream).status, 200)
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(eventually(partial(is_over, pid)))
        self.assertIn("Server Shut Down", log.read_text().splitlines()[-1])
        self.assertEqual([path.name for path in self.directory.iterdir()], ["pieces.log"])

    def test_a_port_in_use_is_said_in_the_terminal(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
            done = self.start(PORT=str(port))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"can't listen on 127.0.0.1:{port}", done.stderr)
        self.assertEqual(list(self.directory.iterdir()), [])


def is_over(pid: int) -> bool:
    """Whether the process is gone, or waits only for its parent to notice."""
    try:
        stat = Path("/proc", str(pid), "stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def end_if_there(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class SourceTests(SynchronousTestCase):
    def test_an_option_wins_over_the_environment_and_that_over_the_env_file(self) -> None:
        directory = run_directory(self)
        (directory / ".env").write_text(
            "# of the house\nAPI_PREFIX=/file/\nDEFAULT_MODEL=gpt-4\nECHO_DELAY='0'\nPORT=1\n"
        )
        daemon = start_in(
            directory, self, ["--port", "0"], {"API_PREFIX": "/environment/", "PORT": "2"}
        )
        path = "/environment/chat/completions"
        reply = chat(daemon.port, "hello", path=path, model="unknown")
        self.assertEqual(reply.json["model"], "gpt-4")
        # A busy machine may hold the reactor up, which it tells.
        self.assertEqual(daemon.matching("(?<!ReactorLag)#warn"), [])

    def test_the_env_file_may_have_another_name(self) -> None:
        directory = run_directory(self)
        (directory / "house.env").write_text("API_PREFIX=/house/\nPORT=0\n")
        daemon = start_in(directory, self, ["--env-file", "house.env"])
        self.assertEqual(get(daemon.port, "/house/models").status, 200)

    def test_a_flag_can_be_undone(self) -> None:
        daemon = start(self, "--no-debug", DEBUG="true")
        get(daemon.port, "/ping", {"x-request-id": "unlogged"})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.matching("unlogged"), [])
        daemon = start(self, "--debug")
        get(daemon.port, "/ping", {"x-request-id": "logged"})
        daemon.wait_for("#debug.* logged")

    def test_every_setting_is_an_option_that_help_tells_of(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "piecesd", "--help"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "1000"},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )
        words = " ".join(done.stdout.split())
        for setting in SETTINGS:
            self.assertIn(f"--{setting.option}", words)
            self.assertIn(f"[{setting.name}, default: {setting.default or 'empty'}]", words)


class PreloadTests(SynchronousTestCase):
    def test_vocabularies_can_be_loaded_before_anybody_asks(self) -> None:
        lazy, ready = start(self), start(self, PRELOAD_VOCABULARIES="true")
        self.assertGreater(ready.resident_bytes - lazy.resident_bytes, 60_000_000)
        self.assertEqual(chat(ready.port, "hello").status, 200)


class AnnouncementTests(SynchronousTestCase):
    def test_the_log_begins_with_version_addresses_and_upstreams(self) -> None:
        daemon = start(self, API_PREFIX="/api")
        daemon.wait_for(r"\] piecesd \d+\.\d+\.\d+ \(")
        daemon.wait_for(rf"Listening on http://127\.0\.0\.1:{daemon.port}/api/$")
        daemon.wait_for("gpt upstream: grpc://127.0.0.1:.* embedded")
        daemon.wait_for("vertex upstream: grpc://127.0.0.1:.* embedded")
