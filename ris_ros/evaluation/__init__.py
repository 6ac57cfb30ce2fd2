"""Data sets, metrics and evaluations."""
