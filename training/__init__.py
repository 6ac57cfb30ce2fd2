"""Training of the CLIP model for the simulated tabletop that ris_ros bundles; not installed with the package."""
