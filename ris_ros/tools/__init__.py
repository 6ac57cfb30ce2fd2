"""Programs beside the node: simulated camera, demo, doctor, browser viewer, benchmarks."""
