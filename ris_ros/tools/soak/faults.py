"""Faults that a soak test inflicts on the node and its camera."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from std_srvs.srv import SetBool, Trigger

from ris_ros.tools.soak.observer import wait_until
from ris_ros.tools.soak.session import CALL_SECONDS, SoakSession

MALFORMED_COMMANDS = (
    "{", "{}", "[1]", "null", '{"id": 1}', '{"text": 3}', '{"text": null, "id": []}', '{"id": ' + "9" * 5000 + "}",
    '{"id": ' + "9" * 5000 + ', "text": "the cup"}', '{"text": "\\ud83c"}', '{"id": "\\ud83c", "text": "the cup"}',
    '{"text": "x", "\\n[FATAL] forged": 1}', "[" * 10_000, '{"a":' * 10_000, "\x00", "\x1b[31mred", "\u202e\u200f",
    "\u0130\u0130\u0130", "very " * 2000 + "green thing", "then take the cup " * 500, "???", " ", "\n", "NaN",
    '{"id": NaN, "text": "the cup"}', '{"id": 1e400, "text": "the cup"}', '{"id": true, "text": "the cup"}')
"""Texts on the command topic that are no commands, or hardly."""
MALFORMED_IMAGES: tuple[dict[str, Any], ...] = (
    {}, {"height": 480, "width": 640, "encoding": "rgb8", "step": 1920}, {"encoding": "\x00\x01\x00\x00"},
    {"height": 2**32 - 1, "width": 2**32 - 1, "encoding": "rgb8", "step": 2**32 - 1, "data": b"\x00\x01\x00\x00"},
    {"height": 1, "width": 1, "encoding": "no such", "step": 3, "data": b"abc"},
    {"height": 4, "width": 4, "encoding": "rgb8", "step": 1, "data": bytes(48)},
    {"height": 4, "width": 4, "encoding": "32FC1", "step": 16, "data": b"\xff" * 64},
    {"height": 3, "width": 3, "encoding": "nv12", "step": 3, "data": bytes(9)})
"""Fields of messages on the image topic that hold no image."""
MALFORMED_PARAMETERS: tuple[tuple[str, Any], ...] = (
    ("cameras", 2), ("mode", "sometimes"), ("mode", 3), ("max_rate", "fast"), ("max_rate", -1.0),
    ("matching.min_confidence", [1, 2]), ("proposals.max_prompts", "many"), ("encoder.model", True),
    ("target_frame", 7), ("no.such.parameter", 1), ("matching.names", 0.5), ("depth_tolerance", [0.1]))
"""Parameters with values that they cannot have."""


def malformed_commands(soak: SoakSession, rng: random.Random) -> None:
    """Send texts that are no commands."""
    for data in rng.sample(MALFORMED_COMMANDS, 8):
        soak.observer.send_raw(data)


def malformed_images(soak: SoakSession, rng: random.Random) -> None:
    """Send messages on the image topic that hold no image."""
    for values in rng.sample(MALFORMED_IMAGES, 4):
        soak.observer.send_image(**values)


def malformed_parameters(soak: SoakSession, rng: random.Random) -> None:
    """Set parameters to values that they cannot have."""
    for name, value in rng.sample(MALFORMED_PARAMETERS, 4):
        soak.require(soak.observer.set_parameter(name, value, CALL_SECONDS), f"an answer to {name} := {value!r}")


def other_settings(soak: SoakSession, rng: random.Random) -> None:
    """Change parameters that leave the answers as they are."""
    for name, value in (("mode", "continuous"), ("max_rate", rng.uniform(1, 5)), ("matching.max_candidates", 4)):
        soak.require(soak.observer.set_parameter(name, value, CALL_SECONDS), f"an answer to {name} := {value!r}")
    soak.pause(rng.uniform(1, 4))
    soak.require(soak.observer.set_parameter("mode", "on_command", CALL_SECONDS), "an answer to mode := on_command")


def burst(soak: SoakSession, rng: random.Random) -> None:
    """Send more commands than may wait."""
    for _ in range(25):
        soak.observer.ask(rng.choice(soak.truths))


def withdrawal(soak: SoakSession, rng: random.Random) -> None:
    """Send commands and withdraw them at once."""
    for _ in range(3):
        soak.observer.ask(rng.choice(soak.truths))
    soak.observer.send_raw("")
    soak.observer.excuse_waiting()


def goals(soak: SoakSession, rng: random.Random) -> None:
    """Send goals of the action, among them malformed and cancelled ones."""
    texts = [rng.choice(soak.truths).text, rng.choice(soak.truths).text, "", "very " * 2000]
    for text in texts:
        ended = soak.observer.send_goal(text, CALL_SECONDS, cancel=rng.random() < 0.3)
        soak.require(ended, f"the end of the goal {text[:40]!r}")


def segment_calls(soak: SoakSession, rng: random.Random) -> None:
    """Ask for the last answer again, many times."""
    for _ in range(10):
        soak.call(Trigger, "ris/segment")


def disabled(soak: SoakSession, rng: random.Random) -> None:
    """Disable and enable the node."""
    soak.call(SetBool, "ris/enable", data=False)
    soak.observer.ask(rng.choice(soak.truths))
    soak.pause(rng.uniform(0.5, 3))
    soak.call(SetBool, "ris/enable", data=True)


def deactivation(soak: SoakSession, rng: random.Random) -> None:
    """Deactivate and activate the node."""
    soak.change_state(Transition.TRANSITION_DEACTIVATE)
    soak.pause(rng.uniform(0, 2))
    # An inactive node hears no commands.
    soak.observer.excuse_waiting()
    soak.change_state(Transition.TRANSITION_ACTIVATE)
    soak.require(wait_until(soak.observer.is_ready, CALL_SECONDS), "the active node to subscribe to commands")


def camera_outage(soak: SoakSession, rng: random.Random) -> None:
    """Kill the camera, and start it again after some seconds."""
    soak.observer.expect_pause(60)
    with soak.camera.down():
        soak.pause(rng.uniform(0, 6))


def node_killed(soak: SoakSession, rng: random.Random) -> None:
    """Kill the node, as the kernel does when memory runs out, and start it again."""
    soak.restart_node()


FAULTS: dict[Callable[[SoakSession, random.Random], None], float] = {
    malformed_commands: 4, malformed_images: 4, malformed_parameters: 3, other_settings: 2, burst: 2, withdrawal: 2,
    goals: 3, segment_calls: 2, disabled: 2, deactivation: 1, camera_outage: 2, node_killed: 0.5}
"""The faults, with how often each comes relative to the others."""

