"""Memory, processor and GPU: what a model's calls are given of the machine."""
