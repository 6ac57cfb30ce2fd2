"""The commands of the README and the site: those that need nothing run, all others at least exist.

A block that a test cannot run carries a mark before it, such as ``<!-- needs: robot -->``.
"""

from __future__ import annotations

import itertools
import json
import re
import runpy
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer
from docs_blocks import BLOCKS, INLINE, PAGES, PROGRAMS, ROOT, Block, split

from ris_ros.cli import app
from ris_ros.config import Config, iter_settings, parse_yaml

ROOT_COMMAND = typer.main.get_command(app)
[USAGE_ERROR] = [base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError"]
"""Of click, or of the copy of it that newer versions of typer hold."""
SETTINGS = {setting.name for setting in iter_settings(Config())}
CAMERA_PARAMETERS = {"picture", "seed", "rate", "moving"}
METADATA = ConfigParser()
METADATA.read(ROOT / "setup.cfg")
EXECUTABLES = {line.split("=")[0].strip()
               for line in METADATA["options.entry_points"]["console_scripts"].strip().splitlines()}
SHELL = [block for block in BLOCKS if block.is_shell]
COMMANDS = [(block.where, words) for block in SHELL for words in block.commands]
MENTIONS = [(f"{page.relative_to(ROOT)}: {match[1]}", words) for page in PAGES
            for match in INLINE.finditer(page.read_text()) for words in split(match[1])]
QUICK = ["proposals.max_prompts=8", "proposals.search_prompts=0", "device=cpu"]
"""Settings with which a command of the docs runs here: the same steps, with few prompts."""
HOOKS = ROOT / "docs" / "hooks.py"


def parse(words, *, is_complete=True):
    """Parse a command line of `ris` as the program does; return the context of the last command."""
    context, command, words = typer.Context(ROOT_COMMAND, info_name="ris"), ROOT_COMMAND, list(words)
    while hasattr(command, "resolve_command") and words and not words[0].startswith("-"):
        name, command, words = command.resolve_command(context, words)
        context = typer.Context(command, info_name=name, parent=context)
    if words == ["--help"]:
        return context
    try:
        return command.make_context(context.info_name, words, parent=context.parent)
    except USAGE_ERROR as error:
        if is_complete or type(error).__name__ != "MissingParameter":
            raise
        return context


def check_ris(words, *, is_complete=True):
    words = [word for word in words if word != "..."]
    try:
        context = parse(words, is_complete=is_complete)
    except USAGE_ERROR as error:
        pytest.fail(f"ris {' '.join(words)}: {error.format_message()}")
    for setting in context.params.get("settings") or []:
        name, _, value = setting.partition("=")
        assert name in SETTINGS, f"{setting}: there is no such setting"
        if name != "proposals.method" and value not in ("VALUE", ""):  # Methods may come from a plugin.
            Config().replace({name: parse_yaml(value, setting)})


def check_ros2(words):
    kind, *rest = words
    if kind == "launch" and rest[0] == "ris_ros":
        file, *arguments = rest[1:]
        launch_arguments = runpy.run_path(str(HOOKS))["launch_arguments"]
        declared = {argument.name for argument in launch_arguments(ROOT / "launch" / file)}
        given = {argument.partition(":=")[0] for argument in arguments if ":=" in argument}
        assert given <= declared, f"{file} has no argument {', '.join(given - declared)}"
    elif kind == "run" and rest[0] == "ris_ros":
        check_executable(rest[1], rest[2:])
    elif kind in ("topic", "service", "action"):
        policy = (ROOT / "config" / "sros2" / "ris.policy.xml").read_text()
        for name in (word for word in rest if "/ris/" in f"{word}/" and word.startswith("/")):
            assert f">~/{name.rpartition('/ris/')[2]}<" in policy or f"/{name.rpartition('/')[2]}<" in policy, name
        for package, folder, name in (word.split("/") for word in rest if word.startswith("ris_interfaces/")):
            assert (ROOT / package / folder / f"{name}.{folder}").is_file(), name


def check_executable(name, words):
    assert name in EXECUTABLES
    known = CAMERA_PARAMETERS if name == "ris_camera" else SETTINGS | {"use_sim_time"}
    for flag, word in itertools.pairwise(words):
        if flag == "-p":
            assert word.partition(":=")[0] in known, word


def check_python(words):
    if words[:1] == ["-m"]:
        module = ROOT / words[1].replace(".", "/")
        assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), words[1]
    elif words and words[0].endswith(".py"):
        assert (ROOT / words[0]).is_file(), words[0]


def check_pip(words):
    for extras in re.findall(r"\[(\S+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(METADATA["options.extras_require"]), extras


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=[f"{where} {' '.join(words)}" for where, words in COMMANDS])
def test_every_command_exists_with_its_options(where, words):
    program, *rest = words[0].removeprefix(".venv/bin/"), *words[1:]
    if program.startswith("scripts/"):
        assert (ROOT / program).is_file()
        for path in (word for word in rest if word.startswith("test/") and "{" not in word):
            assert (ROOT / path.partition("::")[0]).exists(), path
    elif program in ("ris_node", "ris_camera"):
        check_executable(program, rest)
    elif program in (checks := {"ris": check_ris, "ros2": check_ros2, "python": check_python, "python3": check_python,
                                "pip": check_pip}):
        checks[program](rest)
    else:
        assert program in PROGRAMS | {"ruff", "mypy", "mkdocs"}, program


@pytest.mark.parametrize(("where", "words"), MENTIONS, ids=[where for where, _ in MENTIONS])
def test_every_command_that_the_text_mentions_exists(where, words):
    program, *rest = words
    if program == "ris":
        check_ris(rest, is_complete=False)
    elif program == "ros2":
        check_ros2(rest)
    elif program == "python":
        check_python(rest)
    else:
        assert (ROOT / program).is_file()


def test_the_blocks_of_the_pages_are_found():
    """Otherwise the tests above would test nothing."""
    assert sum(block.page.name == "README.md" for block in SHELL) >= 4
    assert len(COMMANDS) > 100
    assert len(MENTIONS) > 50
    assert {"robot", "minutes", "download"} <= {block.needs for block in SHELL}


# Blocks without a mark


RUN = [block for block in BLOCKS if not block.needs and (block.is_shell or block.language == "python")]

RUNNER = r'''
import io, json, os, sys, traceback
from contextlib import redirect_stdout
from pathlib import Path
from ris_ros.cli.common import load_config
from ris_ros.segmenter import ReferringSegmenter
# Loaded once; an image that was encoded for one page is not encoded again for another.
segmenter = ReferringSegmenter.from_config(load_config(None, json.loads(sys.argv[1])))
ReferringSegmenter.from_config = lambda config=None: segmenter
for line in open(sys.argv[2]).read().splitlines():
    where, folder, kind, content = json.loads(line)
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    error, printed = "", io.StringIO()
    try:
        with redirect_stdout(printed):
            if kind == "python":
                exec(compile(content, where, "exec"), {"__name__": "page"})
            else:
                from ris_ros.cli import app
                app(content, standalone_mode=False)
    except SystemExit as ended:
        error = f"status {ended.code}" if ended.code else ""
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps([where, error]), file=sys.__stdout__, flush=True)
'''


def jobs(folder):
    """Yield where, folder, kind and content of each command and program that a page lets run, in its order."""
    for block in RUN:
        place = str(folder / str(block.page.relative_to(ROOT)).replace("/", "_"))
        if block.language == "python":
            yield block.where, place, "python", block.text
            continue
        for words in block.commands:
            takes_settings = "settings" in parse(words[1:]).params
            quick = [word for setting in QUICK for word in ("--set", setting)] if takes_settings else []
            yield block.where, place, "ris", [*words[1:], *quick]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of each block, by its place: the errors, empty where it ran."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "jobs").write_text("\n".join(map(json.dumps, jobs(folder))))
    done = subprocess.run([sys.executable, "-c", RUNNER, json.dumps(QUICK), folder / "jobs"], capture_output=True,
                          text=True, timeout=280)
    results: dict[str, list[str]] = {}
    for where, error in map(json.loads, done.stdout.splitlines()):
        results.setdefault(where, []).append(error)
    return results


@pytest.mark.parametrize("block", [block for block in SHELL if not block.needs], ids=lambda block: block.where)
def test_a_block_without_a_mark_holds_commands_that_can_run_here(block: Block):
    others = [words for words in block.commands if words[0] != "ris"]
    assert not others, f"{others}: run it in this test, or mark the block with what it needs"


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.where)
def test_a_block_without_a_mark_runs(block: Block, outcomes):
    assert "".join(outcomes[block.where]) == ""


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"],
                         ids=lambda block: block.where)
def test_python_compiles(block: Block):
    compile(block.text, block.where, "exec")


def test_a_renamed_option_or_command_would_fail():
    for words in (["segment", "a.png", "the cup", "--outputs", "b.png"], ["segments", "a.png", "the cup"],
                  ["segment", "a.png", "the cup", "--set", "proposals.max_prompt=3"],
                  ["eval", "sims", "--scenes", "3"], ["segment", "a.png"]):
        with pytest.raises((pytest.fail.Exception, AssertionError)):
            check_ris(words)
    for words in (["launch", "ris_ros", "ris.launch.py", "cam:=realsense"], ["run", "ris_ros", "ris_nodes"],
                  ["run", "ris_ros", "ris_node", "--ros-args", "-p", "modes:=continuous"]):
        with pytest.raises(AssertionError):
            check_ros2(words)


def test_pages_lie_in_the_repository():
    assert all(Path(page).is_file() for page in PAGES)
