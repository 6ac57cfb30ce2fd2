"""`ris bench`: times and memory, each next to those of the reference method, measured in the same run.

Absolute times differ from machine to machine and from minute to minute; compare the ratios. Each side is measured in a
process of its own, so that peaks of memory can be told apart.
"""

from ris_ros.tools.bench.backends import bench_backends
from ris_ros.tools.bench.boxes import installed_pictures, read_folder, tabletops
from ris_ros.tools.bench.command import Example, bench_command, bench_start, read_examples, simulated_example
from ris_ros.tools.bench.early import bench_early
from ris_ros.tools.bench.encoding import bench_encoding, plot_encoding
from ris_ros.tools.bench.measure import Row, device_name, run_in_subprocess
from ris_ros.tools.bench.models import bench_models
from ris_ros.tools.bench.proposals import TABLETOPS, bench_proposals, bench_recall, propose_masks
from ris_ros.tools.bench.scale import bench_scale

__all__ = ["TABLETOPS", "Example", "Row", "bench_backends", "bench_command", "bench_early", "bench_encoding",
           "bench_models", "bench_proposals", "bench_recall", "bench_scale", "bench_start", "device_name",
           "installed_pictures", "plot_encoding", "propose_masks", "read_examples", "read_folder", "run_in_subprocess",
           "simulated_example", "tabletops"]
