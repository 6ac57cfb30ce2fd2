"""The data set ``stripes``, available without reading it."""

from ris_ros.evaluation.datasets import DatasetEntry

STRIPES = DatasetEntry(
    title="Stripes, in one picture for each line of stripes.tsv", splits=("val",), reader="ris_ros_example.reader",
    source="the tests of ris_ros, which draw it", licence="Apache-2.0")
