"""Compares all pinned versions with the database of known vulnerabilities: `make audit`.

The trap: pip-audit reports "no known vulnerabilities" for packages that it could not look up. Here
they are counted, so that a database that cannot be reached does not look like a clean result.
"""

import json
import subprocess
import sys
from typing import Any

from supply_chain.pins import DEVELOPMENT, ROOT, RUNTIME, pins_of

COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
    *("--no-deps", "--disable-pip", "--requirement", RUNTIME, "--requirement", DEVELOPMENT),
)


def report(output: str) -> tuple[list[str], int]:
    """Return the lines to print about pip-audit's JSON, and the exit code: 1 if it has findings.

    Without JSON, pip-audit has failed: nothing is known, and the exit code is 0.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except json.JSONDecodeError:
        packages = []
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return ["The vulnerability database is not reachable from here. Nothing was audited."], 0
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, {_remedy(found['fix_versions'])}"
        for package in audited
        for found in package["vulns"]
    ]
    code = int(bool(lines))
    lines += [
        f"{package['name']}: not audited. {package['skip_reason']}"
        for package in packages
        if "vulns" not in package
    ]
    lines.append(f"Audited {len(audited)} of {len(packages)} packages.")
    return lines, code


def _remedy(versions: list[str]) -> str:
    return f"fixed in {', '.join(versions)}" if versions else "not fixed yet"


def main() -> int:
    """Run pip-audit on all pins and print the result; return the exit code."""
    total = len(pins_of(RUNTIME)) + len(pins_of(DEVELOPMENT))
    print(f"Looking up {total} packages.", flush=True)
    run = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True)
    lines, code = report(run.stdout)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
