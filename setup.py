"""What colcon needs on top of setup.cfg, which holds the metadata, the requirements and the entry points."""

from glob import glob
from pathlib import Path

from setuptools import setup

SHARE = "share/ris_ros"
README = Path(__file__).resolve().with_name("README.md")
"""In the source tree; a colcon build with links runs a link to this file, in a folder without the README."""

setup(
    # Here and not in setup.cfg: colcon cannot read it from there (as a SpecifierSet it has no literal form).
    python_requires=">=3.10",
    long_description=README.read_text(encoding="utf-8"),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/ris_ros"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", glob("launch/*.launch.py")),
        (f"{SHARE}/config", glob("config/*.*")),
        (f"{SHARE}/config/cameras", glob("config/cameras/*")),
        (f"{SHARE}/config/sros2", glob("config/sros2/*")),
    ])
