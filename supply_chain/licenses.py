"""Writes the licenses of the runtime dependencies into docs/security.md: `make licenses`.

They are read from the metadata of the installed packages, which states them in three ways: as an
SPDX expression, as classifiers, or as a text.
"""

import re
from collections import defaultdict
from importlib.metadata import distribution

from supply_chain.pins import ROOT, RUNTIME, pins_of

PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- licenses: begin -->", "<!-- licenses: end -->"
# SPDX identifiers of what is stated in other words. A classifier says no version of BSD.
SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_EXPRESSION = re.compile(r"\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*")


def license_of(package: str) -> str:
    """Return the license of an installed package; raise `ValueError` if none can be read."""
    metadata = distribution(package).metadata
    classifiers = [
        value.split("::")[-1].strip()
        for value in metadata.get_all("Classifier") or ()
        if value.startswith("License ::")
    ]
    stated = "".join(metadata.get_all("License-Expression") or ())
    texts = [stated] if stated else classifiers or metadata.get_all("License") or [""]
    names = {SPDX.get(text, text) for text in texts}
    for name in names:
        if not _EXPRESSION.fullmatch(name):
            raise ValueError(f"{package} states a license that SPDX does not name: {name[:80]!r}")
    # Whether several classifiers are a choice or all apply is not stated: the stricter reading.
    return " AND ".join(sorted(names))


def table() -> str:
    """Return the Markdown table of licenses, with the packages under each."""
    packages: defaultdict[str, list[str]] = defaultdict(list)
    for package in pins_of(RUNTIME):
        packages[license_of(package)].append(package)
    rows = [
        f"| {license} | {', '.join(sorted(packages[license], key=str.lower))} |"
        for license in sorted(packages)
    ]
    return "\n".join(["| license | packages |", "| --- | --- |", *rows])


def with_table(page: str) -> str:
    """Return a page with the table between its markers."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
