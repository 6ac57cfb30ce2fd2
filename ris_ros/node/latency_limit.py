"""Less work for each image where answers take longer than the setting `max_latency`, as on a hot or busy machine."""

from __future__ import annotations

from ris_ros.config import Config

STEPS: tuple[dict[str, int], ...] = (
    {},
    {"proposals.search_prompts": 0},
    {"proposals.search_prompts": 0, "proposals.max_prompts": 48},
    {"proposals.search_prompts": 0, "proposals.max_prompts": 32})
"""Upper bounds of settings, from all the work to the least. Each step gives up what is found last: things that only a
search finds, then small and hidden ones. `ris bench proposals --set proposals.max_prompts=32` measures what is lost."""
SLOW_ANSWERS = 2
"""So many answers in succession that take too long lead to the next step: a single one may have other reasons."""
FAST_ANSWERS = 10
"""So many answers in succession within the share FAST of `max_latency` lead to the step before."""
FAST = 0.5


class LatencyLimit:
    """Chooses the step of STEPS by the times that answers on new images take."""

    def __init__(self) -> None:
        self._step = self._slow = self._fast = 0

    def apply(self, config: Config) -> Config:
        """Return a configuration with the bounds of the current step."""
        if not config.max_latency:
            self._step = 0
        if not self._step:
            return config
        values = config.to_dict()
        changes = {name: bound for name, bound in STEPS[self._step].items() if values[name] > bound}
        return config.replace(changes) if changes else config

    def add(self, seconds: float, max_latency: float) -> None:
        """Take note of the time of an answer.

        Parameters
        ----------
        seconds : that an answer on a new image took
        max_latency : that it may take; 0 for no limit

        """
        is_slow = 0 < max_latency < seconds
        is_fast = seconds < FAST * max_latency
        self._slow, self._fast = (self._slow + 1) * is_slow, (self._fast + 1) * is_fast
        if self._slow == SLOW_ANSWERS:
            self._step, self._slow = min(self._step + 1, len(STEPS) - 1), 0
        elif self._fast == FAST_ANSWERS:
            self._step, self._fast = max(self._step - 1, 0), 0

    def note(self, config: Config) -> str:
        """Return what is left out for a configuration, for answers and diagnostics; empty if nothing is."""
        if not self._step or not config.max_latency:
            return ""
        bounds = ", ".join(f"{name} at most {bound}" for name, bound in STEPS[self._step].items())
        return f"less work, to answer within max_latency {config.max_latency:g} s: {bounds}"
