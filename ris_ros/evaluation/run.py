"""A whole measurement: every picture of a data set, in a folder where it can be interrupted and continued."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import ris_ros
from ris_ros.config import settings
from ris_ros.errors import InputError
from ris_ros.evaluation.baselines import method_config
from ris_ros.evaluation.datasets.base import DataSet, Picture
from ris_ros.evaluation.examiner import Examined, Plan
from ris_ros.evaluation.records import Journal, Key, Outcome

OUTCOMES = "outcomes.jsonl"
ABOUT = "run.json"

Stream = Callable[[Iterable[Picture]], Iterator[Examined]]


@dataclass(frozen=True)
class Report:
    """What a run came to.

    Attributes
    ----------
    data : what was measured on
    about : method and settings, as in run.json
    outcomes : in the data set's order, so that the figures are the same to the digit however they were computed
    problems : what could not be read or asked, one line each
    continued : how many of the outcomes an earlier run had left
    seconds, method_seconds : of this run, without loading models; of these, what the method took

    """

    data: DataSet
    about: dict[str, Any]
    outcomes: list[Outcome]
    problems: list[str]
    continued: int
    seconds: float
    method_seconds: float


def evaluate(data: DataSet, plan: Plan, output: str | Path, *, stream: Stream | None = None, strict: bool = False,
             progress: bool = False) -> Report:
    """Measure a method on a data set.

    Parameters
    ----------
    data, plan : what is measured
    output : folder of the run; outcomes that it holds already are not asked for again
    stream : how pictures become outcomes, in any order; None examines one after the other in this process
    strict : whether the first problem ends the run; what was measured until then stays, and counts when it goes on
    progress : whether to show a bar with the time left on stderr

    Raises
    ------
    InputError
        When the folder holds a run of something else or cannot be written, or, if strict, at the first problem.

    """
    output = Path(output)
    about = describe(data, plan)
    _claim(output, about)
    problems = list(data.problems)
    if strict and problems:
        raise InputError(problems[0])
    with Journal(output / OUTCOMES) as journal, _bar(progress) as bar:
        keys = [key for picture in data.pictures for key in _keys(picture)]
        left = [rest for picture in data.pictures if (rest := _rest(picture, journal)).expressions]
        continued = sum(key in journal.done for key in keys)
        task = bar.add_task(f"{data.name} {data.split} {plan.method}", total=len(keys), completed=continued)
        if left and stream is None:
            examiner = plan.build()
            stream = lambda pictures: map(examiner, pictures)  # noqa: E731
        started, method_seconds = time.perf_counter(), 0.0
        for examined in stream(left) if left else ():
            journal.append(examined.outcomes)
            problems += examined.problems
            if strict and examined.problems:
                raise InputError(examined.problems[0])
            method_seconds += examined.method_seconds
            bar.advance(task, examined.asked)
        seconds = time.perf_counter() - started
        outcomes = [journal.done[key] for key in keys if key in journal.done]
    return Report(data, about, outcomes, problems, continued, seconds, method_seconds)


def describe(data: DataSet, plan: Plan) -> dict[str, Any]:
    """What a run depends on, JSON-able."""
    # Where it runs is not what it computes: a run may go on on another machine.
    chosen = {setting.name: setting.value for setting in settings(method_config(plan.method, plan.config))
              if setting.name != "device"}
    about = {"data": data.name, "split": data.split, "method": plan.method, "proposals": plan.proposals or "proposer",
             "depth": plan.depth, "settings": chosen, "version": ris_ros.__version__}
    return json.loads(json.dumps(about))  # as it will be read again: lists for tuples


def _claim(output: Path, about: dict[str, Any]) -> None:
    """Make the folder this run's, or see that it is already."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not (output / ABOUT).is_file():
            (output / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        before = json.loads((output / ABOUT).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot use the output folder {output}: {error}") from error
    was, now = _flat(before), _flat(about)
    differences = [f"{name} {was.get(name)!r} instead of {now[name]!r}" for name in now if was.get(name) != now[name]]
    if differences:
        raise InputError(f"{output} holds a run with {differences[0]}; name another folder, or delete it")


def _flat(about: dict[str, Any]) -> dict[str, Any]:
    return {**about.get("settings", {}), **about, "settings": None}


def _keys(picture: Picture) -> list[Key]:
    return [(picture.id, expression.ref, expression.sentence) for expression in picture.expressions]


def _rest(picture: Picture, journal: Journal) -> Picture:
    return replace(picture, expressions=tuple(
        expression for expression, key in zip(picture.expressions, _keys(picture), strict=True)
        if key not in journal.done))


def _bar(shown: bool) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), disable=not shown)
