"""A complete evaluation of a data set, in an output folder from which it can be continued."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import ris_ros
from ris_ros.errors import InputError
from ris_ros.evaluation.baselines import method_config
from ris_ros.evaluation.datasets.base import Dataset, Picture
from ris_ros.evaluation.evaluator import PictureEvaluation, Plan
from ris_ros.evaluation.records import ExpressionKey, Journal, Record
from ris_ros.utils.files import read_json
from ris_ros.utils.ray_pool import LOCAL_ADDRESS, MAX_ATTEMPTS, WorkerLost, WorkerPlan, ray_pool

RECORDS_FILE = "outcomes.jsonl"
RUN_FILE = "run.json"

Runner = Callable[[Iterable[Picture]], Iterator[PictureEvaluation]]
"""Pictures -> their evaluations, in any order."""


@dataclass(frozen=True)
class Report:
    """The result of a run.

    Attributes
    ----------
    data : the data set
    about : method and settings, as in run.json
    records : in the order of the data set, which makes all metrics reproducible to the last digit
    problems : one line for each part that could not be read or answered
    continued : number of records that an earlier run had left
    seconds : time that this run took, without loading models
    method_seconds : the part of it that the method took

    """

    data: Dataset
    about: dict[str, Any]
    records: list[Record]
    problems: list[str]
    continued: int
    seconds: float
    method_seconds: float


def evaluate(data: Dataset, plan: Plan, output: str | Path, *, runner: Runner | None = None, strict: bool = False,
             progress: bool = False) -> Report:
    """Evaluate a method on a data set.

    Parameters
    ----------
    data, plan : the data set, and the method with its settings
    output : folder of the run; expressions that have a record in it are not evaluated again
    runner : evaluates the pictures; None evaluates one after the other in this process
    strict : stop at the first problem; the records made until then are kept
    progress : show a bar with the remaining time on stderr

    Raises
    ------
    InputError
        If the folder holds another run or cannot be written, and in strict mode at the first problem.

    """
    output = Path(output)
    about = describe(data, plan)
    _claim_folder(output, about)
    problems = list(data.problems)
    if strict and problems:
        raise InputError(problems[0])
    with Journal(output / RECORDS_FILE) as journal, _progress_bar(progress) as bar:
        keys = [key for picture in data.pictures for key in _keys(picture)]
        remaining = [rest for picture in data.pictures if (rest := _without_done(picture, journal)).expressions]
        continued = sum(key in journal.done for key in keys)
        task = bar.add_task(f"{data.name} {data.split} {plan.method}", total=len(keys), completed=continued)
        if remaining and runner is None:
            runner = local_runner(plan)
        started, method_seconds = time.perf_counter(), 0.0
        for evaluation in runner(remaining) if runner and remaining else ():
            journal.append(evaluation.records)
            problems += evaluation.problems
            if strict and evaluation.problems:
                raise InputError(evaluation.problems[0])
            method_seconds += evaluation.method_seconds
            bar.advance(task, evaluation.asked)
        seconds = time.perf_counter() - started
        records = [journal.done[key] for key in keys if key in journal.done]
    return Report(data, about, records, problems, continued, seconds, method_seconds)


def local_runner(plan: Plan) -> Runner:
    """Load the models, and return a runner that evaluates one picture after the other in this process."""
    evaluator = plan.build()
    return lambda pictures: map(evaluator, pictures)


@contextmanager
def cluster_runner(plan: WorkerPlan, address: str = LOCAL_ADDRESS, workers: int = 0) -> Iterator[Runner]:
    """Provide a runner that evaluates pictures on a Ray cluster; parameters and errors as of :func:`ray_pool`."""
    with ray_pool(plan, address, workers) as pool_map:
        def run(pictures: Iterable[Picture]) -> Iterator[PictureEvaluation]:
            for picture, result in pool_map(pictures):
                yield _evaluation_of_lost(picture, result) if isinstance(result, WorkerLost) else result
        yield run


def _evaluation_of_lost(picture: Picture, lost: WorkerLost) -> PictureEvaluation:
    count = len(picture.expressions)
    problem = (f"picture {picture.id}: {MAX_ATTEMPTS} workers were lost over it ({lost.reason}); its {count} "
               "expressions are left out")
    return PictureEvaluation(count, [], [problem], 0.0, 0.0)


def describe(data: Dataset, plan: Plan) -> dict[str, Any]:
    """Return everything that the results of a run depend on, as JSON values."""
    # Without the device, so that a run can be continued on another machine, and a limit that changes no answer.
    chosen = method_config(plan.method, plan.config).to_dict()
    del chosen["device"], chosen["max_image_pixels"]
    about = {"data": data.name, "split": data.split, "method": plan.method, "proposals": plan.proposals or "proposer",
             "depth": plan.depth, "settings": chosen, "version": ris_ros.__version__}
    as_read_again: dict[str, Any] = json.loads(json.dumps(about))  # lists instead of tuples
    return as_read_again


def _claim_folder(output: Path, about: dict[str, Any]) -> None:
    """Mark the folder as that of this run; raise an InputError if it belongs to another run."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not (output / RUN_FILE).is_file():
            (output / RUN_FILE).write_text(json.dumps(about, indent=2) + "\n")
        before = read_json(output / RUN_FILE, "name another folder, or delete it")
    except OSError as error:
        raise InputError(f"cannot use the output folder {output}: {error}") from error
    if not isinstance(before, dict) or not isinstance(before.get("settings"), dict):
        raise InputError(f"{output / RUN_FILE} is not that of a run: name another folder, or delete it")
    old, new = _flatten(before), _flatten(about)
    differences = [f"{name} {old.get(name)!r} instead of {new[name]!r}" for name in new if old.get(name) != new[name]]
    if differences:
        raise InputError(f"{output} holds a run with {differences[0]}; name another folder, or delete it")


def _flatten(about: dict[str, Any]) -> dict[str, Any]:
    return {**about.get("settings", {}), **about, "settings": None}


def _keys(picture: Picture) -> list[ExpressionKey]:
    return [(picture.id, expression.ref, expression.sentence) for expression in picture.expressions]


def _without_done(picture: Picture, journal: Journal) -> Picture:
    """Return the picture with the expressions that have no record yet."""
    return replace(picture, expressions=tuple(
        expression for expression, key in zip(picture.expressions, _keys(picture), strict=True)
        if key not in journal.done))


def _progress_bar(shown: bool) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True), disable=not shown)
