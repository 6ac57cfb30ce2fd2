"""The demo as users run it: camera, node and client, over DDS."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
from PIL import Image
from skimage import data

from ris_ros.config import Config
from ris_ros.sim.tabletop import sample_scene
from ris_ros.tools import animation

QUICK = ("--set", "proposals.max_prompts=6", "--device", "cpu", "--json")


def demo(*words: str) -> Any:
    done = subprocess.run([str(Path(sys.executable).with_name("ris")), "demo", *words, *QUICK], capture_output=True,
                          text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_answers_on_the_simulation_are_compared_with_the_truth_and_drawn(tmp_path):
    rows = demo("--seed", "200001", "--output", str(tmp_path))
    assert len(rows) >= 6
    assert all(0 <= row["iou"] <= 1 and row["latency"] > 0 for row in rows)
    assert json.loads((tmp_path / "demo.json").read_text()) == rows
    height, width, _ = cv2.imread(str(tmp_path / "demo.png")).shape
    assert width > 3 * 480
    assert height > 3 * 360  # camera, candidates and at least six answers, three in a row


def test_commands_are_answered_for_a_folder_of_images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "coffee.png"), cv2.cvtColor(data.coffee()[::2, ::2], cv2.COLOR_RGB2BGR))
    rows = demo("--images", str(folder), "--command", "the cup", "--command", "the spoon", "--output", str(tmp_path))
    assert [(row["picture"], row["command"]) for row in rows] == [("coffee", "the cup"), ("coffee", "the spoon")]
    assert "iou" not in rows[0]
    assert (tmp_path / "coffee.png").is_file()


def test_a_moving_picture_shows_the_answer_and_the_tracking(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "TRACKED_FRAMES", 6)
    monkeypatch.setattr(animation, "VERIFIED_EVERY", 5)
    config = Config.from_dict({"proposals.max_prompts": 6, "device": "cpu"})
    steps = []
    summary = animation.make_animation(tmp_path / "new" / "demo.gif", command="the vase", seed=200_007, config=config,
                                       progress=steps.append)
    with Image.open(tmp_path / "new" / "demo.gif") as picture:
        assert picture.n_frames >= 10
        assert picture.info["loop"] == 0, "it starts over"
    assert summary["iou"] > 0.5
    assert steps[-1] == "tracking"


def test_the_moving_picture_of_the_readme_is_small():
    file = Path(__file__).resolve().parents[2] / "docs" / "demo.gif"
    assert file.stat().st_size < 3_000_000
    with Image.open(file) as picture:
        assert picture.n_frames > 40


def test_an_animation_needs_one_command_and_a_gif(tmp_path):
    for words in (["--animation", "a.gif", "--command", "a", "--command", "b"], ["--animation", "a.mp4"]):
        done = subprocess.run([str(Path(sys.executable).with_name("ris")), "demo", *words], capture_output=True,
                              text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_demo_scene_holds_what_the_readme_says():
    root = Path(__file__).resolve().parents[2]
    seed = re.search(r'"seed", default_value="(\d+)"', (root / "launch" / "demo.launch.py").read_text())[1]
    scene = sample_scene(int(seed))
    [name] = re.search(r"a (\w+ \w+) stands on the left of its scene", (root / "README.md").read_text()).groups()
    [thing] = [thing for thing in scene.objects if f"{thing.colour} {thing.category}" == name]
    assert thing.position[0] < -0.1
