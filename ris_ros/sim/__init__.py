"""The tabletop world, its referring expressions and the model that comes with ris_ros for them."""
