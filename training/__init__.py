"""Makes the weights the project ships: `python -m training`, see training/README.md. Nothing in src/ imports it."""

try:
    from mattecli.cli import process
except ModuleNotFoundError:  # the environment in which training.people renders
    pass
else:
    process.set_up()  # before torch is loaded
