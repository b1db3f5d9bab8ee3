"""From what is given with a picture or a clip to the guides a model takes."""
