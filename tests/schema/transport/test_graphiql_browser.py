"""GraphiQL in headless Chromium, without internet: it loads, asks for the key, and answers."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness.process import PATIENCE, Process
from schema.transport.graphiql import page
from tests.support.servers.deployment import skip

NO_KEY = "No key: paste the key the server printed at its first start"
REFUSED = "This key was rejected"
MAKE_KEY = """
mutation {
  createApiKey(input: {name: "Soon gone"}) { apiKey { id } secret userErrors { message } }
}
"""
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { userErrors { message } } }"
ADD = """
mutation ($text: String!) {
  addMemories(input: {infer: false, userId: "seen", messages: [{role: "user", content: $text}]}) {
    userErrors { message }
  }
}
"""


class LiveServer(Protocol):
    url: str
    key: str


class Browser:
    """What a person does on the page, in the words of the page."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def wait_until(self, condition: Callable[[Chrome], object], wanted: str) -> None:
        # React may replace an element between finding and reading it: look again then.
        ignored = [NoSuchElementException, StaleElementReferenceException]
        WebDriverWait(self.driver, PATIENCE, ignored_exceptions=ignored).until(condition, wanted)

    def wait_for(self, selector: str, text: str) -> None:
        self.wait_until(lambda _: text in self.text(selector), f"{text!r} in {selector}")

    def click(self, xpath: str) -> None:
        # Found and clicked in one attempt: React may replace the element between the two.
        def clicked(driver: Chrome) -> bool:
            element = driver.find_element(By.XPATH, xpath)
            if element.is_displayed():
                element.click()
                return True
            return False

        self.wait_until(clicked, xpath)

    def use_key(self, key: str) -> None:
        field = self.driver.find_element(
            By.XPATH, "//input[@id = //label[. = 'API key']/@for and @type = 'password']"
        )
        field.clear()
        field.send_keys(key)
        self.click("//button[. = 'Use key']")

    def run(self, operation: str) -> None:
        self.click("//button[contains(@aria-label, 'Execute query')]")
        self.click(f"//*[@role = 'menuitem' and . = '{operation}']")

    def requests_to(self, url: str) -> int:
        """How many fetches the page has sent to the address, from the browser's own account."""
        entries: list[str] = self.driver.execute_script(
            "return performance.getEntriesByType('resource')"
            ".filter(e => e.initiatorType === 'fetch').map(e => e.name)"
        )
        return entries.count(url)

    def severe_errors(self) -> list[str]:
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] == "SEVERE"
        ]


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser that reaches nothing but this machine, and keeps what it keeps in a folder."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and chromedriver):
        skip("chromium and chromedriver are not installed")
        raise AssertionError("unreachable")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,900",
        f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with open_browser(tmp_path) as browser:
        yield browser


@pytest.fixture
def endpoint(live_server: LiveServer) -> str:
    url = f"{live_server.url}/graphql"
    if "unpkg" in httpx.get(url, headers={"Accept": "text/html"}).text:
        skip("the server has no local assets: run `make assets`")
    return url


def test_welcome_query_runs_without_internet(
    browser: Browser, live_server: LiveServer, endpoint: str
) -> None:
    browser.driver.get(endpoint)
    assert browser.driver.title == "Mnemograph"
    browser.wait_for("#status", NO_KEY)
    browser.wait_for(".result-window", NO_KEY)
    browser.use_key(live_server.key)
    browser.wait_for("#status", "Connected as ")
    email = browser.text("#status").removeprefix("Connected as ")
    assert "@" in email
    browser.run("Welcome")
    browser.wait_for(".result-window", f'"email": "{email}"')
    assert '"errors"' not in browser.text(".result-window")
    assert browser.severe_errors() == []


def test_subscription_shows_what_happens_until_it_is_stopped_or_the_key_revoked(
    browser: Browser, live_server: Process, endpoint: str
) -> None:
    made = live_server.do(MAKE_KEY)
    browser.driver.get(endpoint)
    browser.use_key(made["secret"])
    browser.wait_for("#status", "Connected as ")
    browser.run("Watch")
    # Nothing on the page tells when it has begun to listen, so there is always more to see.
    texts = (f"Seen {number}" for number in itertools.count())

    def seen(_: Chrome) -> bool:
        live_server.do(ADD, text=next(texts))
        return '"newText": "Seen ' in browser.text(".result-window")

    browser.wait_until(seen, "an event")
    assert '"errors"' not in browser.text(".result-window")
    browser.click("//button[contains(@aria-label, 'Stop query')]")
    browser.run("Watch")
    live_server.do(REVOKE, id=made["apiKey"]["id"])
    browser.wait_for("#status", REFUSED)
    browser.wait_for(".result-window", "4403")
    browser.wait_until(
        lambda driver: driver.find_element(By.CSS_SELECTOR, "[aria-label^='Execute query']"),
        "an end",
    )


def test_nothing_is_sent_without_a_key(browser: Browser, endpoint: str) -> None:
    browser.driver.get(endpoint)
    browser.wait_for("#status", NO_KEY)
    browser.run("Welcome")
    browser.wait_for(".result-window", f'"hint": "{NO_KEY}"')
    assert browser.requests_to(endpoint) == 0


def test_wrong_key_is_refused_and_forgotten(browser: Browser, endpoint: str) -> None:
    browser.driver.get(endpoint)
    browser.wait_for("#status", NO_KEY)
    browser.use_key("mg_wrong")
    browser.wait_for("#status", REFUSED)
    # The one request that found out: GraphiQL has not been started with the key.
    browser.wait_until(lambda _: browser.requests_to(endpoint), "a request")
    assert browser.requests_to(endpoint) == 1
    assert browser.driver.execute_script("return sessionStorage.length") == 0


def test_key_is_kept_for_the_session_only(
    browser: Browser, live_server: LiveServer, endpoint: str
) -> None:
    browser.driver.get(endpoint)
    browser.wait_for("#status", NO_KEY)
    browser.use_key(live_server.key)
    browser.wait_for("#status", "Connected as ")
    browser.driver.refresh()
    browser.wait_for("#status", "Connected as ")
    kept: str = browser.driver.execute_script("return JSON.stringify(localStorage)")
    assert live_server.key not in kept
    assert browser.driver.get_cookies() == []
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(endpoint)
    browser.wait_for("#status", NO_KEY)


def test_page_without_assets_and_internet_says_so(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page(tmp_path), encoding="utf-8")
    browser.driver.get((tmp_path / "page.html").as_uri())
    browser.wait_for("#graphiql", "could not be loaded")
    assert browser.text("body") == (
        "The assets of GraphiQL could not be loaded. Run “make assets” in the server's folder to "
        "fetch them, restart the server, then reload this page."
    )
