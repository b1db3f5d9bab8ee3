"""Makes the weights the project ships: `python -m training`, see training/README.md. Nothing in src/ imports it."""

from mattecli.cli import process

process.set_up()  # before torch is loaded
