"""True foreground colours, and cut-outs laid over a backdrop."""
