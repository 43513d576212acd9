"""A real browser without a window, for tests to look at pages with."""

import json
from shutil import which
from typing import Any
from unittest import SkipTest

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import eventually, run_directory

PAGE_SECONDS = 20.0
"""How long the browser may take for anything."""

_OPTIONS = (
    "--headless",
    "--no-sandbox",  # it may be root that runs the tests
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """Chromium with a new profile; it ends with the test.

    :raises SkipTest: it, or its driver, is not on this machine.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        program, driver = which("chromium"), which("chromedriver")
        if program is None or driver is None:
            raise SkipTest("no chromium or no chromedriver; `make packages` installs them")
        options = ChromeOptions()
        options.binary_location = program
        for option in (*_OPTIONS, f"--user-data-dir={run_directory(test)}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._driver = Chrome(options=options, service=ChromeService(driver))
        test.addCleanup(self._driver.quit)
        self._driver.set_page_load_timeout(PAGE_SECONDS)
        self.emulate("prefers-reduced-motion", "reduce")

    def open(self, url: str) -> None:
        self._driver.get(url)

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self._driver.execute_cdp_cmd(name, parameters)

    def emulate(self, feature: str, value: str) -> None:
        """Have a media feature be so, beside that motion is reduced."""
        features = {"prefers-reduced-motion": "reduce", feature: value}
        named = [{"name": name, "value": each} for name, each in features.items()]
        self.command("Emulation.setEmulatedMedia", features=named)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self._driver.execute_script(script, *arguments)

    def element(self, element_id: str) -> WebElement:
        return self._driver.find_element(By.ID, element_id)

    def elements(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What is to be read in an element; empty where it is hidden or not there."""
        found = self.run("return document.querySelector(arguments[0])?.innerText", selector)
        return found or ""

    def click(self, element_id: str) -> None:
        self.element(element_id).click()

    def type(self, element_id: str, text: str) -> None:
        """Type ``text`` in the place of what stands there."""
        element = self.element(element_id)
        element.clear()
        element.send_keys(text)

    def await_text(self, selector: str, wanted: str) -> None:
        """Wait until ``wanted`` is to be read in an element.

        :raises AssertionError: it does not come to be.
        """
        came = eventually(lambda: wanted in self.text(selector), PAGE_SECONDS)
        assert came, f"{selector} has no {wanted}: {self.text(selector)}"

    def await_element(self, selector: str) -> None:
        """Wait until there is such an element.

        :raises AssertionError: it does not come to be.
        """
        assert eventually(lambda: self.elements(selector), PAGE_SECONDS), selector

    def console(self) -> list[str]:
        """What the browser has complained about since the last call, but for the
        status of responses."""
        entries: list[dict[str, Any]] = self._driver.get_log("browser")
        return [
            str(entry["message"])
            for entry in entries
            if entry["level"] in ("WARNING", "SEVERE") and entry["source"] != "network"
        ]

    def requested(self) -> set[str]:
        """The URLs of all requests that were made since the last call, but for
        those of the browser's own pages."""
        entries: list[dict[str, Any]] = self._driver.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        urls = {
            str(message["params"]["request"]["url"])
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }
        return {url for url in urls if not url.startswith("chrome:")}
