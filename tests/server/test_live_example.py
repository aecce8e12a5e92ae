"""The example page in headless Chromium: it lists memories, follows changes, and reconnects.

The server is stopped and started again on one port. What happens while the page is away happens
through a server on another port, so that the page cannot be back too early.
"""

import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from harness.process import ROOT, Process
from tests.schema.transport.test_graphiql_browser import Browser, open_browser

ADD = """
mutation ($name: String!, $texts: [MessageInput!]!) {
  addMemories(input: {infer: false, userId: $name, messages: $texts}) {
    memories { id } userErrors { message }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $text: String!) {
  updateMemory(id: $id, input: {text: $text}) { userErrors { message } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { userErrors { message } } }"
UNDO = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { userErrors { message } }
}
"""
LAST = "{ project { history(last: 1) { nodes { id } } } }"
HOSTILE = "<img src=x onerror=\"document.title = 'taken'\">"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    """Serve the examples as their README says; yield the page's address."""
    handler = partial(_Quiet, directory=str(ROOT / "examples"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/live.html"
        server.shutdown()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def add(server: Process, *texts: str, name: str = "alice") -> list[str]:
    said = [{"role": "user", "content": text} for text in texts]
    return [memory["id"] for memory in server.do(ADD, name=name, texts=said)["memories"]]


def sign_in(browser: Browser, **fields: str) -> None:
    for name, value in fields.items():
        field = browser.driver.find_element(By.NAME, name)
        field.clear()
        field.send_keys(value)
    browser.click("//button[. = 'Watch']")


def texts_in(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)",
        selector,
    )
    return found


def wait_for_list(browser: Browser, *wanted: str) -> None:
    """Wait until the page shows exactly these memories, the newest first."""
    browser.wait_until(lambda _: texts_in(browser, "#memories p") == list(wanted), f"{wanted}")


def test_page_follows_memories_and_comes_back(tmp_path: Path, page: str) -> None:
    data, port = tmp_path / "data", free_port()
    with open_browser(tmp_path) as browser:
        with Process(data, port=port, warm=True) as server:
            old, hostile = add(server, "I love hiking.", HOSTILE)
            add(server, "Not about Alice.", name="bob")
            browser.driver.get(page)
            sign_in(browser, server=server.url, key="mg_wrong", name="alice")
            browser.wait_for("#state", "this key was rejected")
            assert browser.driver.execute_script("return sessionStorage.length") == 0
            sign_in(browser, key=server.key)
            browser.wait_for("#state", "live")
            wait_for_list(browser, HOSTILE, "I love hiking.")
            (new,) = add(server, "I live in Lisbon.")
            wait_for_list(browser, "I live in Lisbon.", HOSTILE, "I love hiking.")
            server.do(UPDATE, id=old, text="I love climbing.")
            wait_for_list(browser, "I live in Lisbon.", HOSTILE, "I love climbing.")
            server.do(DELETE, id=hostile)
            wait_for_list(browser, "I live in Lisbon.", "I love climbing.")
            (event,) = server.ask(LAST)["project"]["history"]["nodes"]
            server.do(UNDO, id=hostile, event=event["id"])
            wait_for_list(browser, "I live in Lisbon.", HOSTILE, "I love climbing.")
            assert server.stop() == 0
        browser.wait_for("#state", "reconnecting…")
        with Process(data, warm=True) as elsewhere:
            add(elsewhere, "I was away.")
            elsewhere.do(DELETE, id=new)
            add(elsewhere, "Neither about Alice.", name="bob")
        assert browser.text("#state").startswith("reconnecting…")
        with Process(data, port=port, warm=True) as server:
            # As if the network had come back: the page need not wait for the end of its pause.
            browser.driver.execute_script("dispatchEvent(new Event('online'))")
            wait_for_list(browser, "I was away.", HOSTILE, "I love climbing.")
            browser.wait_for("#state", "live")
            add(server, "I am back.")
            wait_for_list(browser, "I am back.", "I was away.", HOSTILE, "I love climbing.")
        # Each event once and in order, without a reload, which would have emptied the log.
        seen = [entry.split(" · ")[:2] for entry in texts_in(browser, "#log small")]
        kinds = ["ADD", "UPDATE", "DELETE", "RESTORE", "ADD", "DELETE", "ADD"]
        assert [kind for _, kind in reversed(seen)] == kinds
        assert [int(number) for number, _ in reversed(seen)] == [4, 5, 6, 7, 8, 9, 11]
        # Text with markup is still shown as text.
        assert browser.driver.find_elements(By.CSS_SELECTOR, "li img") == []
        assert browser.driver.title == "Live memories"
        errors = [line for line in browser.severe_errors() if "WebSocket connection" not in line]
        assert errors == []
