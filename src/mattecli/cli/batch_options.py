"""Options of batches, shared by `matte image` and `matte video`, and their parsing."""

from dataclasses import dataclass
from typing import Annotated

import typer

from mattecli.cli.choices import one_of
from mattecli.errors import UsageError

Manifest = Annotated[
    str | None,
    typer.Option(
        "--manifest",
        metavar="FILE|-",
        help="Rows of inputs: .jsonl, .csv, .parquet, or - for JSON Lines on stdin. Columns: input, output, model, trimap, strokes, mask, "
        "background, screen, refine, as, over, fit, blur, gamma, decontaminate, keep_hidden, options; others are copied to the results.",
    ),
]
Results = Annotated[
    str | None,
    typer.Option("--results", metavar="FILE.jsonl", help="Append one line of JSON for each input as it ends. --resume reads it."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Skip results that were made from these inputs with these settings and are unchanged.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="With --results: resume, and try earlier failures again.")]
Checksum = Annotated[
    bool, typer.Option("--checksum", help="Record the sha256 of inputs, and compare it on resuming instead of size and time.")
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", **one_of("slurm", beside="I/N"), help="Make only part I of N, the same on any machine; slurm: of a job array."),
]
Order = Annotated[
    str,
    typer.Option(
        "--order", **one_of("given", "name", "newest", "oldest", "smallest", "largest", "random"), help="Which inputs come first."
    ),
]
OnError = Annotated[str, typer.Option("--on-error", **one_of("continue", "stop"), help="What to do when one input fails.")]
MaxFailures = Annotated[int | None, typer.Option("--max-failures", min=1, metavar="N", help="Stop after this number of failures.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="An input that takes longer is stopped and has failed.")
]
Overwrite = Annotated[
    str | None,
    typer.Option(
        "--overwrite",
        **one_of("never", "older", "always") | {"metavar": "[never|older|always]"},
        help="Which existing results are replaced; without a value: let a result replace even its own input.  [default: always]",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option("--workers", metavar="N", help="Inputs made at once; Ray actors: N or MIN:MAX.  [default: as suits the device]"),
]
Watch = Annotated[bool, typer.Option("--watch", help="Make what is in the folders and what arrives there, until Ctrl-C.")]
Engine = Annotated[
    str, typer.Option("--engine", **one_of("local", "ray"), help="Processes of this machine, or a Ray cluster (mattecli[ray]).")
]
Address = Annotated[
    str | None, typer.Option("--address", **one_of("auto", beside="HOST:PORT"), help="The Ray cluster.  [default: one is started here]")
]
Gpus = Annotated[float | None, typer.Option("--gpus", min=0, metavar="SHARE", help="GPUs of a Ray actor, such as 1 or 0.25.  [default: 0]")]

INPUTS = "inputs"
"""What `--overwrite` means without a word."""


def with_overwrite_value(args: list[str]) -> list[str]:
    """A command's arguments, with a default value inserted after an `--overwrite` without one."""
    if "--overwrite" not in args:
        return args
    from mattecli.batch.resume import OVERWRITE

    place = args.index("--overwrite") + 1
    return args if place < len(args) and args[place] in (*OVERWRITE, INPUTS) else [*args[:place], INPUTS, *args[place:]]


@dataclass(frozen=True)
class BatchRequest:
    """The options of a batch as typed."""

    manifest: str | None = None
    results: str | None = None
    resume: bool = False
    retry_failed: bool = False
    checksum: bool = False
    shard: str | None = None
    order: str = "given"
    on_error: str = "continue"
    max_failures: int | None = None
    timeout: float | None = None
    overwrite: str | None = None
    workers: str | None = None
    watch: bool = False
    engine: str = "local"
    address: str | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.on_error not in ("continue", "stop"):
            raise UsageError(f"--on-error {self.on_error} is not known; choose continue or stop")
        if self.resume and self.overwrite is not None:
            raise UsageError("--resume and --skip-existing keep the results that are there, --overwrite replaces them; drop one of them")
        if self.engine not in ("local", "ray"):
            raise UsageError(f"--engine {self.engine} is not known; choose local or ray")
        if self.engine == "local" and (self.address is not None or self.gpus is not None):
            raise UsageError("--address and --gpus are about a Ray cluster; give --engine ray, or drop them")
        if self.engine == "ray" and (self.watch or self.timeout is not None):
            raise UsageError("--watch and --timeout work on this machine alone; drop them, or --engine ray")
        if self.watch and (self.manifest is not None or self.shard is not None):
            raise UsageError("--watch is about folders; it does not go with --manifest or --shard")
        if self.order != "given" and (self.watch or self.manifest == "-"):
            raise UsageError("--order needs to know all inputs; it does not go with --watch or --manifest -")

    @property
    def replaces_inputs(self) -> bool:
        return self.overwrite == INPUTS

    @property
    def asked(self) -> bool:
        """Whether any option of batches is given."""
        mine = BatchRequest(overwrite=self.overwrite if self.replaces_inputs else None)
        return self != mine

    @property
    def most_failures(self) -> int | None:
        return 1 if self.on_error == "stop" else self.max_failures
