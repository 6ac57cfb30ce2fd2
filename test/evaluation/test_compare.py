from __future__ import annotations

from ris_ros.config import Config
from ris_ros.evaluation.compare import ABLATIONS, Row, compare, to_markdown
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.evaluator import Plan


def test_every_variant_has_a_row_and_a_folder_from_which_it_is_continued(own_root, tmp_path):
    base = Plan("full", Config.from_dict({"device": "cpu"}), depth=True)
    data = load_dataset("folder", own_root)
    rows = compare(data, base, tmp_path / "out", methods=("global", "score-map"), masks=("truth",))
    values = [value for _, values in ABLATIONS.values() for value in values]
    assert [row.name for row in rows] == ["global", "score-map", "full, without depth", *map(str, values)]
    text = to_markdown([*rows, Row("method", "full, searching again", {"": rows[0].metrics["truth"]})])
    assert text.count("| score-map |") == 1
    assert "oIoU, true masks" in text
    # The same setting under two names gives the same results.
    by_name = {(row.section, row.name): row.metrics["truth"] for row in rows}
    assert repr(by_name["visual weight", "1.0"]) == repr(by_name["method", "global"])
    written = {file: file.read_bytes() for file in (tmp_path / "out").rglob("outcomes.jsonl")}
    assert len(written) == len(rows)
    compare(data, base, tmp_path / "out", methods=("global", "score-map"), masks=("truth",))
    assert {file: file.read_bytes() for file in written} == written
