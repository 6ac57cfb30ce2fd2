"""The simulated tabletop: scenes, their rendering with ground truth, and referring expressions about them."""
