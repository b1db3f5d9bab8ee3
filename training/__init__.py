"""Makes the weights the project ships: `python -m training`, see training/README.md. Nothing in src/ imports it."""
