"""Specs, weights, exports and the runtime that runs them."""
