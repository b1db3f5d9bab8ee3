"""One measurement of `matte bench` in a process of its own: python -m mattecli.cli.trial TRIAL.json RESULT.json."""

from mattecli.cli import process


def main() -> None:
    process.set_up()
    process.set_up_pictures()
    process.set_up_torch()
    from mattecli.bench.trial import main as run

    run()


if __name__ == "__main__":
    main()
