"""`ris demo`: commands to the node over ROS topics, and a drawing and a table of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ris_ros.utils.images import write_image
from ris_ros.utils.masks import mask_overlap
from ris_ros.visualization import draw_ranks, draw_sheet

if TYPE_CHECKING:
    from ris_ros.sim.scene import Rendering
    from ris_ros.tools.node_client import Answer

KINDS = ("attribute", "place", "extreme", "ordinal", "relation", "negation", "absent colour")
"""Kinds of expressions, from easy to hard, of which the demo asks one each. The scene makes each unambiguous."""


def run_demo(output: Path, *, image_files: Sequence[Path], commands: Sequence[str], seed: int,
             parameters: Mapping[str, Any], progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Send every command for every image, or for the simulated tabletop if no images are given.

    Parameters
    ----------
    output : folder for a drawing of each image's answers, and for `demo.json`
    image_files : files that the camera shows one after the other
    commands : what to find; empty for one command of each kind, whose true masks are known, on the simulated tabletop
    seed : seed of the simulated scene
    parameters : ROS parameters of the node
    progress : takes a few words about the current step

    Returns
    -------
    A row for each answer: picture, command, found, box, score, latency (seconds from the command to the result) and, if
    the true mask is known, iou, which is 1 when an absent object was not found.

    """
    from ris_ros.tools.node_client import ask_node

    commands = list(commands)
    truths: list[np.ndarray] | list[None] = [None] * len(commands)
    if not image_files and not commands:
        _, commands, truths = simulated_commands(seed)
    cameras: list[tuple[str, dict[str, object]]] = [
        (file.stem, {"picture": str(file.resolve())}) for file in image_files] or [("demo", {"seed": seed})]
    rows = []
    for name, camera in cameras:
        image, answers = ask_node(commands, camera=camera, node=parameters, progress=progress)
        image_rows = [_make_row(name, answer, truth) for answer, truth in zip(answers, truths, strict=True)]
        tiles = [(image, "the camera's image"),
                 (draw_ranks(image, answers[0].ranks), f"candidates: {answers[0].command}")]
        tiles += [(answer.overlay, _caption(row)) for answer, row in zip(answers, image_rows, strict=True)]
        write_image(output / f"{name}.png", draw_sheet(tiles, columns=3))
        rows += image_rows
    (output / "demo.json").write_text(json.dumps(rows, indent=1))
    return rows


def simulated_commands(seed: int) -> tuple[Rendering, list[str], list[np.ndarray]]:
    """Return a simulated scene, a command of each of KINDS for it, and their true masks, bool [H, W].

    Raises
    ------
    MissingError
        When MuJoCo or off-screen OpenGL is missing.

    """
    from ris_ros.sim.expressions import expressions
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.tabletop import sample_scene

    scene = sample_scene(seed)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    generated = expressions(scene, rendering, np.random.default_rng(seed), "test")
    # Prefer "the red cup" to "the red thing".
    generated.sort(key=lambda one: not any(scene.objects[target].category in one.text for target in one.targets))
    first_by_kind = {expression.kind: expression for expression in reversed(generated)}
    chosen = [first_by_kind[kind] for kind in KINDS if kind in first_by_kind]
    truths = [np.isin(rendering.instances, [target + 1 for target in expression.targets]) for expression in chosen]
    return rendering, [expression.text for expression in chosen], truths


def _make_row(image_name: str, answer: Answer, truth: np.ndarray | None) -> dict[str, Any]:
    row = {"picture": image_name, "command": answer.command, "found": answer.result["found"],
           "box": answer.result["box"], "score": answer.result["score"], "latency": answer.latency}
    if truth is not None:
        intersection, union = mask_overlap(answer.mask, truth)
        row["iou"] = intersection / union if union else 1.0
    return row


def _caption(row: dict[str, Any]) -> str:
    truth = f", IoU {row['iou']:.2f}" if "iou" in row else ""
    return f"{row['command']}  ({1000 * row['latency']:.0f} ms{truth})"
