"""The pins, the audit, the licenses and the SBOM of what the server is delivered with."""

import json
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply_chain.audit import report
from supply_chain.licenses import PAGE, license_of, with_table
from supply_chain.pins import DEVELOPMENT, ROOT, RUNTIME, pins_of

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def needed(requirements: list[str]) -> set[str]:
    """Return the packages that requirements install here, those of their requirements included."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in found:
                found.add((name, wanted))
                waiting += [(Requirement(line), wanted) for line in requires(name) or ()]
    return {name for name, _ in found}


def names_in(file: Path) -> set[str]:
    return {canonicalize_name(name) for name in pins_of(file)}


def test_the_runtime_pins_are_what_the_server_needs() -> None:
    assert names_in(RUNTIME) == needed(PROJECT["project"]["dependencies"])


def test_the_development_pins_are_what_its_tools_add() -> None:
    tools = needed(PROJECT["dependency-groups"]["dev"])
    # Each environment has its own pip.
    assert names_in(DEVELOPMENT) == tools - names_in(RUNTIME) - {"pip"}


def test_the_documented_licenses_are_those_of_the_dependencies() -> None:
    page = PAGE.read_text()
    assert with_table(page) == page, "run `make licenses`"


def test_a_license_in_unknown_words_is_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd-1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: odd\nVersion: 1\nLicense: Ask my lawyer\n"
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text(metadata)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="Ask my lawyer"):
        license_of("odd")


CLEAN = {"name": "clean", "version": "1", "vulns": []}
SKIPPED = {"name": "skipped", "skip_reason": "It was not found."}
HOLE = {"id": "CVE-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
VULNERABLE = {"name": "vulnerable", "version": "1", "vulns": [HOLE]}


@pytest.mark.parametrize(
    ("packages", "code", "expected"),
    [
        ([CLEAN], 0, ["Audited 1 of 1 packages."]),
        ([CLEAN, SKIPPED], 0, ["skipped: not audited", "Audited 1 of 2 packages."]),
        ([SKIPPED], 0, ["Nothing was audited."]),
        ([VULNERABLE, SKIPPED], 1, ["vulnerable 1: CVE-1, fixed in 1.1", "Audited 1 of 2"]),
    ],
)
def test_what_could_not_be_audited_is_not_clean(
    packages: list[object], code: int, expected: list[str]
) -> None:
    lines, found = report(json.dumps({"dependencies": packages, "fixes": []}))
    assert found == code
    for text in expected:
        assert any(text in line for line in lines), lines


def test_an_audit_that_fails_is_no_finding() -> None:
    lines, code = report("ConnectionError")
    assert (code, len(lines)) == (0, 1)
    assert "not reachable" in lines[0]
