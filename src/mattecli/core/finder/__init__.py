"""The resources of a model's calls: memory, CPU and GPU."""
