"""Model specs, weights, exports and the runtime."""
