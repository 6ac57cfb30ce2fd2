"""Print the coverage of each package, of `coverage json` on standard input."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def main() -> None:
    packages: dict[str, list[int]] = defaultdict(lambda: [0] * 4)
    for file, measured in json.load(sys.stdin)["files"].items():
        parts = Path(file).parts
        counted = measured["summary"]
        for name in (parts[1] if len(parts) > 2 else "modules of the top level", "core"):
            for i, key in enumerate(("num_statements", "covered_lines", "num_branches", "covered_branches")):
                packages[name][i] += counted[key]
    print(f"\n{'':28}{'lines':>8}{'covered':>10}{'branches':>10}{'covered':>10}")
    for name in sorted(packages, key=lambda name: (name == "core", name)):
        lines, covered, branches, taken = packages[name]
        print(f"{name:28}{lines:>8}{covered / max(1, lines):>10.1%}{branches:>10}{taken / max(1, branches):>10.1%}")


if __name__ == "__main__":
    main()
