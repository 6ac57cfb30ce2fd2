"""`ris demo`: a camera, the node and spoken-style commands over real topics; a picture and a table of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.utils.images import write_image
from ris_ros.visualization import draw_ranks, draw_sheet

# One command of each kind, from plain to hard; the scene proves each unambiguous.
KINDS = ("attribute", "place", "extreme", "ordinal", "relation", "negation", "absent colour")


def run_demo(output: Path, *, pictures: list[Path], commands: list[str], seed: int, parameters: dict[str, Any],
             progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Ask every command about every picture, or about the simulated tabletop where no picture is given.

    Parameters
    ----------
    output : folder for a PNG of each picture's answers, and `demo.json`
    pictures : picture files that the camera shows in turn
    commands : what to ask; for the simulation, none asks one command of each kind, with known answers
    seed : of the simulated scene
    parameters : ROS parameters of the node
    progress : told in a few words what goes on

    Returns
    -------
    A row for each answer: picture, command, found, box, score, latency (seconds from command to result) and, where
    the truth is known, iou. It is 1 when an absent object was not found.

    """
    from ris_ros.tools.node_client import ask

    truths: list[np.ndarray | None] = [None] * len(commands)
    if not pictures and not commands:
        commands, truths = _simulated_commands(seed)
    cameras = [{"picture": str(picture.resolve())} for picture in pictures] or [{"seed": seed}]
    rows = []
    for name, camera in zip([picture.stem for picture in pictures] or ["demo"], cameras, strict=True):
        image, answers = ask(commands, camera=camera, node=parameters, progress=progress)
        answered = [_row(name, answer, truth) for answer, truth in zip(answers, truths, strict=True)]
        tiles = [(image, "the camera's image"),
                 (draw_ranks(image, answers[0].ranks), f"candidates: {answers[0].command}")]
        tiles += [(answer.overlay, _caption(row)) for answer, row in zip(answers, answered, strict=True)]
        write_image(output / f"{name}.png", draw_sheet(tiles, columns=3))
        rows += answered
    (output / "demo.json").write_text(json.dumps(rows, indent=1))
    return rows


def _simulated_commands(seed: int) -> tuple[list[str], list[np.ndarray]]:
    from ris_ros.sim.expressions import expressions
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.tabletop import sample_scene

    scene = sample_scene(seed)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    written = expressions(scene, rendering, np.random.default_rng(seed), "test")
    # "The red cup" rather than "the red thing", where there is such a one.
    written.sort(key=lambda one: not any(scene.objects[target].category in one.text for target in one.targets))
    first = {expression.kind: expression for expression in reversed(written)}
    chosen = [first[kind] for kind in KINDS if kind in first]
    truths = [np.isin(rendering.instances, [target + 1 for target in expression.targets]) for expression in chosen]
    return [expression.text for expression in chosen], truths


def _row(picture: str, answer: Any, truth: np.ndarray | None) -> dict[str, Any]:
    row = {"picture": picture, "command": answer.command, "found": answer.result["found"],
           "box": answer.result["box"], "score": answer.result["score"], "latency": answer.latency}
    if truth is not None:
        union = (answer.mask | truth).sum()
        row["iou"] = float((answer.mask & truth).sum() / union) if union else 1.0
    return row


def _caption(row: dict[str, Any]) -> str:
    truth = f", IoU {row['iou']:.2f}" if "iou" in row else ""
    return f"{row['command']}  ({1000 * row['latency']:.0f} ms{truth})"
