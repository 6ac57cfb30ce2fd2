"""Run the quick unit tests against a seeded random sample of mutants, and report which of them the tests notice.

`[tool.mutmut]` in pyproject.toml says what is mutated and by which tests. Every verdict is kept in `mutants/`: a run
that was stopped goes on where it was, and a larger sample with the same seed only tries what is new.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.__main__ import (
    collect_source_file_mutation_data,
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
)
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.stats import status_by_exit_code

FOLDER = Path("mutants")
COLUMNS = ("killed", "survived", "timeout", "other")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="number of mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--module", default="", metavar="TEXT", help="only modules whose name contains this")
    parser.add_argument("--again", action="store_true", help="try those of the sample again that survived so far")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; each loads models of its own")
    options = parser.parse_args()

    generate(options.jobs)
    paths, codes = read()
    names = sorted(name for name in codes if options.module in name)
    chosen = random.Random(options.seed).sample(names, min(options.sample or len(names), len(names)))
    untried = [name for name in chosen
               if codes[name] is None or (options.again and verdict(codes[name]) == "survived")]
    print(f"{len(chosen)} of {len(names)} mutants, seed {options.seed}; {len(untried)} to try. Log: {FOLDER}/log",
          flush=True)
    if untried:
        with (FOLDER / "log").open("w") as log:
            done = subprocess.run(["mutmut", "run", "--max-children", str(options.jobs), *untried], stdout=log,
                                  stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            sys.exit(f"mutmut ended with {done.returncode}: the end of {FOLDER}/log says why")
        paths, codes = read()
    report(chosen, paths, codes)


def generate(jobs: int) -> None:
    """Write the mutants of all sources that changed."""
    set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    with CatchOutput():
        create_mutants(jobs)


def read() -> tuple[dict[str, Path], dict[str, int | None]]:
    """Return the source file and the exit code of the tests, None for those not tried yet, of each mutant."""
    mutants, _ = collect_source_file_mutation_data(mutant_names=[])
    return {name: file.path for file, name, _ in mutants}, {name: code for _, name, code in mutants}


def verdict(code: int | None) -> str:
    """Return one of COLUMNS; a mutant that no test reaches has survived."""
    if code is None:
        return "other"
    status = {"no tests": "survived", "segfault": "killed"}.get(status_by_exit_code[code], status_by_exit_code[code])
    return status if status in COLUMNS else "other"


def report(chosen: list[str], paths: dict[str, Path], codes: dict[str, int | None]) -> None:
    """Print the survivors as diffs, and a table by module."""
    for name in chosen:
        if verdict(codes[name]) in ("survived", "other"):
            print(f"\n# {name}: {status_by_exit_code[codes[name]]}\n{get_diff_for_mutant(name, path=paths[name])}")
    print(f"\n{'':40}{''.join(f'{column:>10}' for column in COLUMNS)}    killed of all")
    files = sorted({str(paths[name]) for name in chosen})
    for title, members in [*((file, {file}) for file in files), ("all", set(files))]:
        counts = Counter(verdict(codes[name]) for name in chosen if str(paths[name]) in members)
        print(f"{title:40}{''.join(f'{counts[column]:>10}' for column in COLUMNS)}"
              f"{counts['killed'] / counts.total():>17.1%}")


if __name__ == "__main__":
    main()
