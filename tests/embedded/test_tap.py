"""``twistd pieces-upstream``: its options and its service."""

import io
import os
from contextlib import redirect_stdout

from twisted.application.service import IServiceMaker, ServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded import tap
from piecesd.version import read_build


class OptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(os, "environ", {})
        self.env_file = self.mktemp()
        with open(self.env_file, "w"):  # noqa: PTH123
            pass

    def parsed(self, *arguments: str) -> tap.Options:
        options = tap.Options()
        options.parseOptions(["--env-file", self.env_file, *arguments])
        return options

    def test_it_listens_on_the_loopback_on_a_port_that_the_system_picks(self) -> None:
        options = self.parsed()
        self.assertEqual((options["host"], options["port"]), ("127.0.0.1", 0))

    def test_a_port_is_a_number_that_a_port_can_be(self) -> None:
        self.assertEqual(self.parsed("--port", "50051")["port"], 50051)
        for text in ("65536", "-1", "http"):
            self.assertRaises(usage.UsageError, self.parsed, "--port", text)

    def test_a_setting_comes_from_the_environment_and_an_option_wins(self) -> None:
        os.environ["ECHO_DELAY"] = "2"
        self.assertEqual(self.parsed().config.echo_delay_seconds, 2)
        self.assertEqual(self.parsed("--echo-delay", "3").config.echo_delay_seconds, 3)

    def test_a_value_that_can_not_be_used_ends_it_with_one_line(self) -> None:
        ended = self.assertRaises(SystemExit, self.parsed, "--echo-delay", "soon")
        self.assertIn("ECHO_DELAY='soon' (--echo-delay) can't be used", str(ended))

    def test_only_settings_of_the_embedded_upstream_are_options(self) -> None:
        self.assertRaises(usage.UsageError, self.parsed, "--api-key", "secret")

    def test_version_prints_the_build(self) -> None:
        printed = io.StringIO()
        with redirect_stdout(printed):
            self.assertRaises(SystemExit, self.parsed, "--version")
        self.assertEqual(printed.getvalue(), f"{read_build()}\n")

    def test_the_service_is_made_of_the_options(self) -> None:
        service = tap.makeService(self.parsed("--port", "50051", "--host", "127.0.0.2")).upstream
        self.assertEqual((service.host, service.port), ("127.0.0.2", 50051))
        self.assertEqual(service.model_name, "the built-in demonstration model")

    def test_the_service_relays_where_there_is_a_server_to_relay_to(self) -> None:
        daemon = tap.makeService(self.parsed("--relay-base-url", "http://localhost:11434/v1"))
        self.assertIn("relay to http://localhost:11434/v1", daemon.upstream.model_name)


class PluginTests(SynchronousTestCase):
    def test_twistd_lists_it(self) -> None:
        modules = [
            plugin.module
            for plugin in getPlugins(IServiceMaker)
            if isinstance(plugin, ServiceMaker) and plugin.tapname == "pieces-upstream"
        ]
        self.assertEqual(modules, ["piecesd.embedded.tap"])
