"""Small tools that every room may use: masks, images, weights, devices, cancellation, caches."""
