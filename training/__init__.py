"""Training of the CLIP model that ris_ros bundles for its simulated tabletop; not installed with the package."""
