"""The Worker of deploy/cloudflare/, in workerd, which Cloudflare runs it in, too."""

import json
import os
import re
import subprocess
from functools import cache
from shutil import which
from unittest import SkipTest, skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.deploy import missing, proxy_contract
from tests.deploy.proxies import DEPLOY, Proxy
from tests.deploy.proxy_contract import CANCEL_SECONDS
from tests.integration.daemon import Daemon, run_directory
from tests.integration.web import chat

WORKER = DEPLOY / "cloudflare"
OLDEST_NODE = 20
INSTALL_SECONDS = 300.0
RUN_SECONDS = 300.0
START_SECONDS = 60.0
"""Node reads a lot before it does anything."""
PROXY_SECRET = "between-us-71"
SETTINGS = {
    "HOST": "127.0.0.1",
    "TRUSTED_PROXIES": "127.0.0.1",
    "PROXY_SECRET": PROXY_SECRET,
}
NO_CHATTER = {
    "CI": "1",
    "NO_COLOR": "1",
    "WRANGLER_HIDE_BANNER": "true",  # nor its look for a newer version
    "WRANGLER_LOG_PATH": str(WORKER / ".wrangler/logs"),
    "WRANGLER_SEND_METRICS": "false",
}

_OUT_OF_REACH = re.compile(
    r"code (E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|SOCKETTIMEDOUT|NETUNREACH))"
)
"""npm could not get at its registry."""


def run(*command: str, timeout_seconds: float = RUN_SECONDS) -> tuple[int, str]:
    """The status of a program of Node, and all that it printed."""
    done = subprocess.run(
        command,
        cwd=WORKER,
        env=os.environ | NO_CHATTER,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
    )
    return done.returncode, done.stdout


@cache
def why_not_installed() -> str:
    """Installs what the Worker's tests need, beside it, unless it is there
    already. Empty, or why that can't be."""
    _, version = run("node", "--version")
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        return f"needs Node {OLDEST_NODE}, here is {version.strip()}"
    lock, installed = WORKER / "package-lock.json", WORKER / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return ""
    status, output = run("npm", "ci", timeout_seconds=INSTALL_SECONDS)
    if status and (code := _OUT_OF_REACH.search(output)):
        return f"npm can't reach its registry: {code[1]}"
    assert status == 0, output
    return ""


def program(name: str) -> str:
    """A program that was installed.

    :raises SkipTest: nothing can be.
    """
    if reason := why_not_installed():
        raise SkipTest(reason)
    return str(WORKER / "node_modules/.bin" / name)


class LockTests(SynchronousTestCase):
    def test_the_lock_names_no_registry(self) -> None:
        lock = json.loads((WORKER / "package-lock.json").read_text())
        packages = [package for path, package in lock["packages"].items() if path]
        self.assertGreater(len(packages), 50)
        for package in packages:
            self.assertNotIn("resolved", package)
            self.assertTrue(package["integrity"].startswith("sha512-"))


@skipIf(reason := missing("node", "npm"), reason)
class WorkerTests(SynchronousTestCase):
    def test_its_own_tests_pass(self) -> None:
        status, output = run(program("vitest"), "run")
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"Tests +\d{2,} passed \(\d+\)")

    def test_wrangler_would_deploy_it(self) -> None:
        directory = run_directory(self)
        status, output = run(program("wrangler"), "deploy", "--dry-run", "--outdir", str(directory))
        self.assertEqual(status, 0, output)
        self.assertNotIn("WARNING", output)
        self.assertTrue((directory / "worker.js").exists())


@skipIf(reason := missing("node", "npm"), reason)
class ForwardingTests(proxy_contract.ProxyContract):
    """The Worker between a client and the daemon.

    Cloudflare's own servers, which stand before it, are missing here. They see
    clients leave; workerd by itself sees a connection that was reset, and one
    that was closed in good order only once it writes to it.
    """

    settings = SETTINGS

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        program("workerd")
        bindings = {
            "ORIGIN": f"http://127.0.0.1:{daemon.port}",
            "PROXY_SECRET": PROXY_SECRET,
        }
        options = {
            "port": proxy.port,
            "https": True,
            "httpsKeyPath": str(proxy.directory / "key.pem"),
            "httpsCertPath": str(proxy.directory / "certificate.pem"),
        }
        proxy.run(
            str(which("node")),
            str(WORKER / "test/serve.js"),
            json.dumps(bindings),
            json.dumps(options),
            start_seconds=START_SECONDS,
        )

    def test_a_client_that_leaves_cancels_its_call_within_a_second(self) -> None:
        for stream in (False, True):
            client = self.ask(stream=stream)
            call = self.server.next_call()
            client.leave(reset=True)
            self.assertTrue(call.over(CANCEL_SECONDS), f"{stream=}")
        client = self.ask()
        call = self.server.next_call()
        call.arrive("a")
        client.next_text()
        client.leave(reset=True)
        self.assertTrue(call.over(CANCEL_SECONDS), "after a piece")
        self.daemon.wait_for(r"POST /v1/chat/completions -> 200 .*cancelled")

    def test_a_client_that_closes_its_connection_cancels_its_call_at_the_next_pieces(self) -> None:
        client = self.ask()
        call = self.server.next_call()
        call.arrive("a")
        client.next_text()
        client.leave()
        for _ in range(100):
            call.arrive("b")
            if call.over(0.05):
                break
        self.daemon.wait_for(r"POST /v1/chat/completions -> 200 .*cancelled")

    def test_a_client_can_not_make_up_its_address(self) -> None:
        chat(
            self.proxy.port,
            "hello",
            path="/v1/nothing",
            tls=True,
            headers={"X-Forwarded-For": "203.0.113.9", "X-Proxy-Secret": PROXY_SECRET},
        )
        self.daemon.wait_for(r" 127\.0\.0\.1 POST /v1/nothing -> 404 ")

    def test_what_is_not_of_the_api_is_not_asked_for(self) -> None:
        for path in ("/admin/bans", "/metrics", "/"):
            reply = chat(self.proxy.port, "hello", path=path, tls=True)
            self.assertEqual((reply.status, reply.error["code"]), (404, "unknown_url"))
        self.assertEqual(self.daemon.matching(r"/admin/bans|/metrics|POST / "), [])

    def test_a_daemon_that_is_gone_is_an_error_of_the_api(self) -> None:
        self.daemon.stop()
        reply = chat(self.proxy.port, "hello", tls=True)
        self.assertEqual((reply.status, reply.error["code"]), (502, "upstream_unreachable"))
        self.assertIn("upstream_unreachable", self.proxy.console)
