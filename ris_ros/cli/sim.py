"""``ris sim``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import PerKind, SceneNumber, Scenes, Split, Styles, out, sim_app


@sim_app.command("render")
def sim_render(
    output: Annotated[Path, typer.Argument(metavar="IMAGE", help="The .png or .jpg to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the scene.")] = 200_000,
    style: Annotated[str, typer.Option(help="Style of the simulation.")] = "plain",
) -> None:
    """Render one simulated scene, and list expressions that refer to its objects."""
    import numpy as np

    from ris_ros.sim.expressions import expressions
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.tabletop import sample_scene
    from ris_ros.utils.images import write_image

    scene = sample_scene(seed, style=style)
    with Renderer() as renderer:
        rendering = renderer.render(scene)
    write_image(output, rendering.image)
    table = Table("kind", "expression", "targets")
    for expression in expressions(scene, rendering, np.random.default_rng(seed), "test", 1):
        targets = [f"{scene.objects[i].colour} {scene.objects[i].category}" for i in expression.targets]
        table.add_row(expression.kind, expression.text, ", ".join(targets) or "none")
    out.print(table)


@sim_app.command("write")
def sim_write(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    scenes: Scenes = 100,
    split: Split = "train",
    seed: SceneNumber = 0,
    per_kind: PerKind = 2,
    style: Styles = None,
) -> None:
    """Write images, depth, masks and referring expressions as a data set, in the format of docs/dataset.md."""
    from ris_ros.sim.styles import PLAIN
    from ris_ros.sim.writer import write_dataset

    counts = write_dataset(folder, split=split, scenes=scenes, start=seed, per_kind=per_kind or None,
                           styles=style or (PLAIN,), progress=True)
    out.print(f"{folder}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
