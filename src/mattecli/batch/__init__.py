"""Many inputs: manifests, results, shards, resuming, watching and worker processes. The matting itself is done by the Python door."""
