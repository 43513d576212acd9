"""Each client of the table passes its checks, and its snippet works as it is shown."""

from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.child import KEY, failures, missing, output_of_snippet
from tests.clients.table import CLIENTS
from tests.integration.daemon import ROOT, run_directory, start
from tests.pages import Page

PAGE = Page(ROOT / "docs" / "clients.md")


class ClientTests(SynchronousTestCase):
    def test_openai_for_python(self) -> None:
        self.assert_works("openai for Python")

    def test_openai_for_node(self) -> None:
        self.assert_works("openai for Node")

    def test_anthropic_for_python(self) -> None:
        self.assert_works("anthropic for Python")

    def test_anthropic_for_node(self) -> None:
        self.assert_works("anthropic for Node")

    def test_langchain_openai(self) -> None:
        self.assert_works("langchain-openai")

    def test_ai_sdk(self) -> None:
        self.assert_works("AI SDK")

    def test_llm(self) -> None:
        self.assert_works("llm")

    def test_litellm(self) -> None:
        self.assert_works("litellm")

    def test_llamaindex(self) -> None:
        self.assert_works("LlamaIndex")

    def assert_works(self, name: str) -> None:
        """Its checks, one by one; that the daemon saw it give up what it gave up;
        and the code that docs/clients.md shows."""
        client = CLIENTS[name]
        if reason := missing(client):
            raise SkipTest(reason)
        daemon = start(
            self,
            API_KEY=KEY,
            HOST="127.0.0.1",
            UPSTREAM_FAULTS="true",
            ECHO_DELAY="0",
        )
        home = run_directory(self)
        outcomes = failures(client, f"http://127.0.0.1:{daemon.port}", home)
        for api, checks in client.checks().items():
            for check in checks:
                self.assertIsNone(outcomes[api, check], f"{name}, {api}: {check}")
        cancels = sum("cancel" in checks for checks in client.checks().values())
        daemon.wait_for(" -> 200 .* cancelled ", times=cancels)
        self.assertEqual(len(daemon.matching(" cancelled ")), cancels)

        (snippet,) = PAGE.blocks_below(name)
        code = snippet.text.replace("localhost:8787", f"127.0.0.1:{daemon.port}")
        printed = output_of_snippet(snippet.language, code, home)
        self.assertTrue(printed.endswith("says: Hello!\n"), printed)

    def test_there_is_a_test_of_every_client(self) -> None:
        for name in CLIENTS:
            method = f"test_{name.lower().replace(' ', '_').replace('-', '_')}"
            self.assertTrue(hasattr(self, method), method)
