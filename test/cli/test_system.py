"""Settings, error messages and the commands for the installation."""

import json
import subprocess
import sys

import pytest


def test_help_loads_no_heavy_package():
    code = "import sys, ris_ros.cli; print({'cv2', 'mujoco', 'numpy', 'ray', 'spacy', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout == "set()\n"


def test_help_lists_the_commands(ris):
    assert "segment" in ris("--help").stdout
    assert "snapshot" in ris("eval", "--help").stdout


@pytest.mark.parametrize(("arguments", "message"), [
    (("--set", "matching.text_weight=2"), "from 0.0 to 1.0"),
    (("--set", "no.such=1"), "unknown setting"),
    (("--set", "device"), "NAME=VALUE"),
    (("--model", "ViT-B-23/openai"), "close ones are"),
    (("--config", "nowhere.yaml"), "nowhere.yaml"),
    (("--device", "cuda:99"), "cuda:99 does not exist"),
    (("--device", "toaster"), "auto, cpu, cuda"),
])
def test_wrong_settings_are_refused_in_one_line(refusal, photograph, arguments, message):
    assert message in refusal("segment", str(photograph), "cup", *arguments)


def test_debug_shows_the_traceback(ris, tmp_path):
    process = ris("--debug", "segment", str(tmp_path / "missing.png"), "x")
    assert process.returncode
    assert "Traceback" in process.stderr


def test_config_reads_its_own_output(ris, tmp_path):
    file = tmp_path / "ris.yaml"
    file.write_text(ris("config", "--set", "proposals.max_prompts=7").stdout)
    assert "max_prompts: 7" in ris("config", "--config", str(file)).stdout


def test_weights_are_listed_verified_and_refused_by_name(ris, refusal):
    rows = {row["name"]: row for row in json.loads(ris("weights", "list", "--json").stdout)}
    assert rows["mobilesam"]["state"] == "present"
    assert "mobilesam: intact" in ris("weights", "verify", "mobilesam").stdout
    assert "known are mobilesam" in refusal("weights", "verify", "mobilesamm")


def test_doctor_lists_parts_and_remedies(ris):
    process = ris("doctor", "--json")
    findings = {finding["part"]: finding for finding in json.loads(process.stdout)}
    missing = {part: finding["found"] for part, finding in findings.items() if finding["needed"] and not finding["ok"]}
    assert not missing  # scripts/setup has run
    assert "simulated tabletop only" in findings["bundled CLIP"]["found"]
    assert all(finding["remedy"] for finding in findings.values())
    assert process.returncode == 0
    assert "torch" in ris("doctor").stdout


def test_demo_refuses_a_folder_without_images(refusal, tmp_path):
    assert "no .png" in refusal("demo", "--images", str(tmp_path), "--command", "the cup")
    assert "--command" in refusal("demo", "--images", str(tmp_path))
