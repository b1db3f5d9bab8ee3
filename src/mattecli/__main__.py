"""`python -m mattecli` is `matte`."""

import sys


def main() -> None:
    """The program `matte`. Ctrl-C is one line and exit code 130 also while the program is being loaded."""
    try:
        from mattecli.cli.app import app

        app(prog_name="matte")
    except KeyboardInterrupt:
        sys.stderr.write("matte: error: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
