"""`ris bench`: times and memory, each beside the reference procedure's in the same run on the same machine.

Absolute times differ from machine to machine and from minute to minute; the ratios are what to compare. Each side is
measured in a process of its own, so that its peak of memory is its own.
"""

from ris_ros.tools.bench.command import bench_command, bench_start
from ris_ros.tools.bench.encoding import bench_encoding
from ris_ros.tools.bench.measure import Row, alone, device_name
from ris_ros.tools.bench.pictures import Picture, example, pictures_of
from ris_ros.tools.bench.proposals import bench_proposals, proposed

__all__ = ["Picture", "Row", "alone", "bench_command", "bench_encoding", "bench_proposals", "bench_start",
           "device_name", "example", "pictures_of", "proposed"]
