"""`ris soak`: a simulated camera, the node, random commands and faults for a long time, and a check of every answer."""

from ris_ros.tools.soak.run import run_soak

__all__ = ["run_soak"]
