"""The picture of `ris bench encoding`: time against the number of masks."""

from __future__ import annotations

import logging
from pathlib import Path

from ris_ros.tools.bench.measure import Row

OURS = {"float32": "ours, float32", "auto": "ours, crops in bfloat16"}

logger = logging.getLogger(__name__)


def plot_encoding(tables: dict[str, list[Row]], device: str, file: Path) -> None:
    """Draw seconds against masks, a panel for each architecture, into a PNG; without matplotlib, say so instead."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        # The figures took minutes to measure: no reason to lose them.
        logger.warning("no %s: it needs a package; run `pip install matplotlib`", file)
        return
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    kinds = ("encoding", "global features alone")
    for table, row in ((kind, row) for kind in kinds for row in tables[kind]):
        architecture, dtype, masks = row["what"].split(", ")
        count = int(masks.split()[0])
        lines = panels.setdefault(architecture, {})
        if table == "encoding":
            lines.setdefault("a pass for each mask and crop", []).append((count, row["reference"]))
            lines.setdefault(OURS.get(dtype, dtype), []).append((count, row["seconds"]))
        elif dtype == "float32":
            lines.setdefault("ours, global features alone", []).append((count, row["seconds"]))
    figure = Figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
    for axes, (architecture, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(),
                                           strict=True):
        for label, points in lines.items():
            counts, seconds = zip(*sorted(set(points)), strict=True)
            axes.plot(counts, seconds, marker="o", label=label)
        axes.set(title=architecture, xlabel="masks", ylabel="seconds", xlim=(0, None), ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(device, fontsize="medium")
    figure.savefig(file, dpi=150)
