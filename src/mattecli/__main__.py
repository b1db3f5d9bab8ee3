"""`python -m mattecli` is `matte`."""

from mattecli.cli.app import app

app(prog_name="matte")
