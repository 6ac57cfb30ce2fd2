"""Evaluation on data sets and in simulation: readers, methods, metrics and reports."""
