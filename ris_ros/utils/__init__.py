"""Helpers without domain logic: masks and boxes, image files, weights, devices, cancellation, caches, a Ray pool."""
