"""Run the quick unit tests on a seeded random sample of mutants, and report which mutants the tests notice.

`[tool.mutmut]` in pyproject.toml says what is mutated and by which tests. Mutants are tried in random order, and every
verdict is kept in `mutants/`: a run that was stopped goes on where it was, a larger sample with the same seed only
tries what is new, and an edited function is tried anew. What `mutmut run` does besides is left out: it tries mutants
in the order of their tests' time, and runs all tests twice more before.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from contextlib import redirect_stdout
from math import ceil
from pathlib import Path

import mutmut.__main__
from mutmut.__main__ import (
    collect_or_load_stats,
    collect_source_file_mutation_data,
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
    setup_source_paths,
)
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from mutmut.workers.isolation import get_mutant_runner

FOLDER = Path("mutants")
COLUMNS = ("killed", "survived", "timeout", "other")
Files = dict[str, SourceFileMutationData]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="number of mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--module", default="", metavar="TEXT", help="only modules whose name contains this")
    parser.add_argument("--again", action="store_true", help="also try those that survived, with tests written since")
    parser.add_argument("--report", action="store_true", help="try nothing, only report what was tried so far")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes; each loads models of its own")
    options = parser.parse_args()

    FOLDER.mkdir(exist_ok=True)
    if not options.report:
        with (FOLDER / "log").open("a", buffering=1) as log, redirect_stdout(log):
            generate(options.jobs)
    files = read()
    names = sorted(name for name in files if options.module in name)
    chosen = random.Random(options.seed).sample(names, min(options.sample or len(names), len(names)))
    untried = [name for name in chosen if verdict(name, files) is None
               or (options.again and verdict(name, files) == "survived")]
    print(f"{len(chosen)} of {len(names)} mutants, seed {options.seed}; {len(untried)} are not tried yet", flush=True)
    if untried and not options.report:
        attempt(untried, options.jobs)
        files = read()
    report([name for name in chosen if verdict(name, files)], files)


def generate(jobs: int) -> None:
    """Write the mutants of all sources that changed, and copy the tests."""
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(jobs)


def read() -> Files:
    """Return the file with the verdict on each mutant."""
    return {name: file for file, name, _ in collect_source_file_mutation_data(mutant_names=[])[0]}


def verdict(name: str, files: Files) -> str | None:
    """Return one of COLUMNS, or None for a mutant that was not tried; one that no test reaches has survived."""
    code = files[name].exit_code_by_key[name]
    if code is None:
        return None
    status = {"no tests": "survived", "segfault": "killed"}.get(status_by_exit_code[code], status_by_exit_code[code])
    return status if status in COLUMNS else "other"


def attempt(names: list[str], jobs: int) -> None:
    """Run the tests of each mutant's function, the quickest first, until one fails."""
    runner = get_mutant_runner(jobs)
    mutmut.__main__.print_status = lambda *_: None      # A spinner, which fills logs.
    # Which tests reach which function; it ends the program if a test fails without any mutant.
    collect_or_load_stats(runner, apply_config_invalidation=True)
    files = read()
    set_mutant_under_test("")
    runner.startup()
    waiting, tried = list(names), Counter[str]()
    try:
        while waiting or runner.pending_count():
            while waiting and runner.has_capacity():
                name = waiting.pop(0)
                tests = sorted(state().tests_by_mangled_function_name.get(mangled_name_from_mutant_name(name), ()),
                               key=state().duration_by_test.__getitem__)
                seconds = sum(state().duration_by_test[test] for test in tests)
                limit = ceil((seconds + config().timeout_constant) * config().timeout_multiplier * 2)
                runner.submit(name, tests, limit, seconds)
            result = runner.wait_for_result()
            file = files[result.mutant_name]
            file.exit_code_by_key[result.mutant_name] = result.exit_code
            file.save()
            tried[str(verdict(result.mutant_name, files))] += 1
            print(f"{tried.total()}/{len(names)} {verdict(result.mutant_name, files)} {result.mutant_name}", flush=True)
        runner.signal_work_complete()
    finally:
        runner.shutdown()


def report(names: list[str], files: Files) -> None:
    """Print the survivors as diffs, and a table by module."""
    for name in names:
        if verdict(name, files) in ("survived", "other"):
            status = status_by_exit_code[files[name].exit_code_by_key[name]]
            print(f"\n# {name}: {status}\n{get_diff_for_mutant(name, path=files[name].path)}")
    print(f"\n{'':40}{''.join(f'{column:>10}' for column in COLUMNS)}    killed of all")
    paths = sorted({str(files[name].path) for name in names})
    for title, members in [*((path, {path}) for path in paths), ("all", set(paths))]:
        counts = Counter(verdict(name, files) for name in names if str(files[name].path) in members)
        print(f"{title:40}{''.join(f'{counts[column]:>10}' for column in COLUMNS)}"
              f"{counts['killed'] / max(1, counts.total()):>17.1%}")


if __name__ == "__main__":
    main()
