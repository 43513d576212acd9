"""The page for people, in a real browser."""

import re
import subprocess
import sys
from shutil import which
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import PAGE_SECONDS, Browser
from tests.integration.daemon import Daemon, eventually, start
from tests.integration.far_end import QueuedFarEnd
from tests.integration.test_curl import curl

ANSWER = ".answer_from:last-child p"
SCHEMES = ("light", "dark")


class PageTestCase(SynchronousTestCase):
    def browse(self, daemon: Daemon) -> Browser:
        """A browser that shows the daemon's page, with its models."""
        browser = Browser(self)
        self.root = f"http://127.0.0.1:{daemon.port}"
        browser.open(f"{self.root}/")
        return browser

    def ask(self, browser: Browser, text: str) -> None:
        browser.type("message", text)
        browser.click("send")


class PlaygroundTests(PageTestCase):
    """Against an upstream that sends what the test wants when it wants."""

    def setUp(self) -> None:
        self.far_end = QueuedFarEnd()
        self.addCleanup(self.far_end.stop)
        self.daemon = start(
            self,
            GPT_GRPC_ADDR=f"grpc://127.0.0.1:{self.far_end.port}",
            API_KEY="right",
            HOST="127.0.0.1",
            MAX_RETRIES="0",
        )
        self.browser = self.browse(self.daemon)

    def use_key(self, key: str) -> None:
        self.browser.type("key", key)
        self.browser.click("use-key")

    def test_a_key_opens_it_and_an_answer_is_seen_word_by_word_until_it_is_stopped(self) -> None:
        browser = self.browser
        self.assertEqual(browser.elements("#model-rows tr"), [])
        self.ask(browser, "Without a key?")
        self.assertEqual(browser.run("return document.activeElement.id"), "key")
        self.use_key("wrong")
        browser.await_text("#key-error", "401 invalid_api_key: ")
        self.use_key("right")
        browser.await_text("#model-rows", "gpt-4o-mini")
        self.assertEqual(browser.text("#key-error"), "")

        self.ask(browser, "Hello?")
        call = self.far_end.next_call()
        for piece in ("One", " two", " <b>three</b>"):
            call.arrive(piece)
            browser.await_text(ANSWER, piece.strip())
        self.assertEqual(browser.text(ANSWER), "One two <b>three</b>")
        call.finish()
        browser.await_text("#usage", "tokens in")
        self.assertRegex(browser.text("#usage"), r"^\d+ tokens in, \d+ out; ")

        self.ask(browser, "Once more?")
        call = self.far_end.next_call()
        # The model is told what was said before.
        self.assertIn("One two <b>three</b>", str(call.request))
        call.arrive("Never")
        browser.await_text(ANSWER, "Never")
        browser.click("stop")
        self.assertTrue(call.over(PAGE_SECONDS), "the call was not cancelled")
        browser.await_text("#usage", "Stopped.")
        self.assertEqual(browser.text(ANSWER), "Never")
        self.daemon.wait_for("POST /v1/chat/completions -> 200 .* cancelled")

        requested = browser.requested()
        self.assertIn(f"{self.root}/v1/models", requested)
        self.assertEqual({url for url in requested if not self.is_own(url)}, set())
        self.assertEqual(browser.console(), [])
        self.assertNotIn("right", browser.run("return location.href + document.cookie"))
        self.assertEqual(browser.run("return localStorage.length + sessionStorage.length"), 0)

    def is_own(self, url: str) -> bool:
        return url.startswith((f"{self.root}/", "data:"))

    def test_an_answer_that_fails_says_why_by_status_and_code(self) -> None:
        browser = self.browser
        self.use_key("right")
        browser.await_text("#model-rows", "gpt-4o")
        self.ask(browser, "Hello?")
        self.far_end.next_call().fail()
        browser.await_text("#chat-error", "502 upstream_unavailable: ")
        self.assertEqual(browser.element("message").get_attribute("value"), "Hello?")
        # And one that breaks off, by the code alone.
        browser.click("send")
        call = self.far_end.next_call()
        call.arrive("Half")
        browser.await_text(ANSWER, "Half")
        call.fail()
        browser.await_text("#chat-error", "upstream_unavailable: ")
        self.assertTrue(browser.text("#chat-error").startswith("upstream_unavailable: "))
        self.assertEqual(browser.text(ANSWER), "Half")
        self.assertEqual(browser.console(), [])


class LookTests(PageTestCase):
    """With the built-in upstream."""

    def setUp(self) -> None:
        self.browser = self.browse(start(self, ECHO_DELAY="0"))

    def test_it_shows_how_the_daemon_is_in_figures_and_pictures(self) -> None:
        browser = self.browser
        browser.await_text("#state", "Up and well")
        self.assertRegex(browser.text("#uptime"), r"^\d+ (s|min)")
        browser.await_text("#services", "vertex")
        browser.await_text("#model-rows", "claude-3-opus@20240229")
        for model, takes_temperature in (("gemini-pro", False), ("gpt-4", True)):
            (link,) = [each for each in browser.elements("#model-rows a") if each.text == model]
            link.click()
            self.assertEqual(browser.element("model").get_attribute("value"), model)
            self.assertEqual(browser.element("temperature").is_enabled(), takes_temperature)
        self.ask(browser, "Hello?")
        browser.await_text(ANSWER, "says: Hello?")
        # A step of five seconds has to be over, and the page to have asked.
        for chart, mark in (("requests", "bar.one"), ("tokens", "area"), ("pool", "line.two")):
            browser.await_element(f"#chart-{chart} path.{mark}[d^=M]")
        self.assertRegex(browser.text("#chart-first-token strong"), r"^\d[\d.]* m?s$")
        self.assertEqual(browser.console(), [])

    def test_it_can_be_read_in_light_and_dark_and_on_a_phone(self) -> None:
        browser = self.browser
        browser.await_text("#model-rows", "gpt-4o")
        grounds = []
        for scheme in SCHEMES:
            browser.emulate("prefers-color-scheme", scheme)
            ground = color_of(browser, "body", "background-color")
            grounds.append(luminance(ground))
            for selector in ("h1", ".lead", ".hint", "a code", "#state-text"):
                ratio = contrast(color_of(browser, selector, "color"), ground)
                self.assertGreaterEqual(ratio, 4.5, f"{scheme} {selector}")
        self.assertGreater(grounds[0], 0.8)
        self.assertLess(grounds[1], 0.05)
        browser.command(
            "Emulation.setDeviceMetricsOverride",
            width=360,
            height=740,
            deviceScaleFactor=1,
            mobile=True,
        )
        self.assertEqual(browser.run("return document.documentElement.scrollWidth"), 360)

    def test_it_is_in_the_language_of_the_browser_and_has_a_switch(self) -> None:
        browser = self.browser
        browser.command("Network.enable")
        browser.command("Network.setExtraHTTPHeaders", headers={"Accept-Language": "zh-CN"})
        browser.open(self.root)
        browser.await_text("#state", "运行正常")
        self.assertEqual(browser.text("h1"), "语言模型的网关")
        browser.click("language")
        browser.await_text("#state", "Up and well")
        self.assertEqual(browser.text("h1"), "A gateway to language models")
        self.assertEqual(browser.run("return document.documentElement.lang"), "en")
        self.assertEqual(browser.console(), [])

    def test_what_is_not_its_own_is_neither_loaded_nor_run(self) -> None:
        browser = self.browser
        browser.run(
            "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:1/x.png'}));"
            "const style = document.createElement('style');"
            "style.textContent = 'h1 { color: rgb(1, 2, 3) }'; document.head.append(style);"
            "try { document.body.innerHTML += '<p id=injected></p>' } catch {}"
        )
        self.assertTrue(eventually(browser.console, PAGE_SECONDS))
        self.assertNotEqual(color_of(browser, "h1", "color"), (1, 2, 3))
        self.assertEqual(browser.elements("#injected"), [])

    def test_its_snippets_work_as_they_are(self) -> None:
        if which("curl") is None:
            raise SkipTest("no curl here")
        browser = self.browser
        browser.await_text("#model-rows", "gpt-4o")
        shown = {}
        for tab in browser.elements("#tabs [role=tab]"):
            tab.click()
            shown[tab.text] = browser.text("#snippet")
        self.assertIn("[DONE]", output_of("sh", "-ec", shown["curl"]))
        for name in ("Python", "Anthropic"):
            self.assertIn("says: Hello!", output_of(sys.executable, "-c", shown[name]), name)
        for name, snippet in shown.items():
            self.assertIn(f"{self.root}/", snippet.replace("\n", "/\n"), name)
        browser.click("copy-snippet")
        browser.await_text("#copy-snippet", "Copied")
        # Nothing of this is what a program gets.
        self.assertTrue(curl(f"{self.root}/").startswith('{"status": "ok"'))


def output_of(*command: str) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PAGE_SECONDS, check=True
    ).stdout


Color = tuple[int, int, int]


def color_of(browser: Browser, selector: str, name: str) -> Color:
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    red, green, blue = map(int, re.findall(r"\d+", browser.run(script, selector, name))[:3])
    return red, green, blue


def luminance(color: Color) -> float:
    """From 0 for black to 1 for white (WCAG 2.2, "relative luminance")."""

    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
