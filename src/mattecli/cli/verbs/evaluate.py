"""`matte eval`: predicted mattes measured against the true ones."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from mattecli.cli import options
from mattecli.cli.choices import one_of
from mattecli.cli.console import PictureCommand, complain, frame_progress, note, say, say_json
from mattecli.errors import InputError, MatteError, UsageError

if TYPE_CHECKING:
    from mattecli.evaluation.evaluate import Scored, Terms
    from mattecli.evaluation.pairs import Pair, Pairing
    from mattecli.evaluation.worst_cases import Gallery

app = typer.Typer(rich_markup_mode=None)

Numbers = Mapping[str, float | None]
FIRST_FEW = 3


@app.command("eval", cls=PictureCommand)
def evaluate(
    predicted: Annotated[
        str, typer.Argument(metavar="PREDICTED", help="Mattes or cut-outs: a picture, clip or folder.", show_default=False)
    ],
    true: Annotated[str, typer.Argument(metavar="TRUE", help="The true mattes, likewise; in folders matched by name.", show_default=False)],
    trimap: Annotated[str | None, typer.Option(metavar="PATH", help="A trimap, or a folder of them: only its level 128 counts.")] = None,
    convention: Annotated[
        str, typer.Option(**one_of("dim", "bgmv2", "rvm", "modnet"), help="Which metrics, of which pixels, in which scale.")
    ] = "dim",
    crop: Annotated[
        int, typer.Option(min=1, metavar="N", help="Cut sides to multiples of N first, as BackgroundMattingV2's benchmark.m does with 4.")
    ] = 1,
    sequence: Annotated[
        bool | None,
        typer.Option(
            "--sequence/--no-sequence",
            help="The pictures of a folder are frames: adds dtSSD.  [default: by their names]",
            show_default=False,
        ),
    ] = None,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page (.html) with numbers and the worst spots.")] = None,
    images: Annotated[str | None, typer.Option(metavar="PATH", help="The photo, or a folder of them, to show in the report.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each pair, then one with the mean.")] = False,
    csv_lines: Annotated[bool, typer.Option("--csv", help="A header, a line for each pair, then the mean.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure mattes against true ones: SAD, MSE, MAD, Grad, Conn, dtSSD and foreground MSE.

    The numbers are those of the named convention, in its scale; without --trimap whole pictures count. Of a cut-out the alpha is
    measured, and where both sides are cut-outs, bgmv2 and rvm measure the colours too.

    Examples:

      matte eval alpha.png true.png --trimap trimap.png

      matte eval predicted/ true/ --trimap trimaps/ --convention bgmv2 --json

      matte eval cutouts/ true/ --images photos/ --report report.html
    """
    from mattecli.evaluation.evaluate import agreed, evaluate_all
    from mattecli.evaluation.pairs import pair_up

    _check_switches(json_lines, csv_lines, report, images)
    pairing = pair_up(predicted, true, trimap=trimap, images=images)
    terms = agreed(pairing.pairs, convention, trimap=trimap, crop=crop, sequence=sequence)
    teller = Teller(terms, json_lines, csv_lines, quiet, has_clips=any(pair.is_clip for pair in pairing.pairs))
    teller.begin(pairing)
    gallery = None
    if report:
        from mattecli.evaluation.worst_cases import Gallery

        gallery = Gallery(terms)
    total = None if teller.has_clips else len(pairing.pairs)
    with frame_progress("evaluating") as progress:
        for done, (pair, outcome) in enumerate(evaluate_all(pairing.pairs, terms), 1):
            progress(done, total)
            if isinstance(outcome, MatteError):
                teller.failed(pair, outcome)
            else:
                teller.scored(outcome, gallery.add(outcome) if gallery else None)
    teller.end()
    if report and gallery:
        _write_report(report, teller, gallery, {"predictions": predicted, "true mattes": true})
    if teller.failures:
        raise typer.Exit(1)


@dataclass
class Teller:
    """Says what came out: lines of JSON or CSV as they come, or one table at the end."""

    terms: "Terms"
    json_lines: bool
    csv_lines: bool
    quiet: bool
    has_clips: bool
    rows: list[tuple[str, Numbers]] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    failures: int = 0

    def note(self, text: str) -> None:
        if not self.quiet:
            note(text)

    def begin(self, pairing: "Pairing") -> None:
        self.note(f"convention {self.terms.convention.name}: {self.terms.convention.about}; counted: {self.terms.region}")
        if pairing.extra:
            few = ", ".join(pairing.extra[:FIRST_FEW]) + (", ..." if len(pairing.extra) > FIRST_FEW else "")
            self.note(f"without a true matte, so left out: {few} ({len(pairing.extra)} in all)")
        if self.csv_lines:
            say(_csv_line(["pred", *(["frame"] if self.has_clips else []), *self.terms.convention.scales]))
        for file in pairing.missing:
            self._complain(
                file, InputError(f"{file} has no prediction; add one of that name, or take it away"), {"pred": None, "true": file}
            )

    def failed(self, pair: "Pair", error: MatteError) -> None:
        self._complain(pair.predicted, error, {"pred": pair.predicted})

    def _complain(self, file: str, error: MatteError, record: Mapping[str, str | None]) -> None:
        self.failures += 1
        complain(error, about=[file])
        if self.json_lines:
            say_json({**record, "error": str(error)})

    def scored(self, scored: "Scored", remark: str | None) -> None:
        self.rows.append((scored.name, scored.numbers))
        self.shares.append(float(scored.sample.region.mean()))
        for text in (*scored.notes, *([remark] if remark else [])):
            self.note(f"{scored.name}: {text}")
        frame = {} if scored.frame is None else {"frame": scored.frame}
        if self.json_lines:
            say_json({"pred": scored.pair.predicted, **frame, **scored.numbers})
        elif self.csv_lines:
            say(self._csv_row(scored.pair.predicted, scored.frame, scored.numbers))

    def end(self) -> None:
        from mattecli.evaluation.evaluate import mean_of

        mean = mean_of([numbers for _, numbers in self.rows], self.terms.convention)
        if self.json_lines:
            say_json({"mean": mean})
        elif self.csv_lines:
            say(self._csv_row("mean", None, mean))
        elif self.rows:
            rows = self.rows if len(self.rows) == 1 else [*self.rows, ("mean", mean)]  # the mean of one says nothing new
            say(_table(rows, [name for name in self.terms.convention.scales if name in mean]))

    def _csv_row(self, pred: str, frame: int | None, numbers: Numbers) -> str:
        return _csv_line([pred, *([frame] if self.has_clips else []), *(numbers.get(name) for name in self.terms.convention.scales)])


def _check_switches(json_lines: bool, csv_lines: bool, report: str | None, images: str | None) -> None:
    if json_lines and csv_lines:
        raise UsageError("--json and --csv both want stdout; give one of them")
    if images is not None and report is None:
        raise UsageError("--images are shown in the report; add --report report.html")
    if report is not None and not report.lower().endswith((".html", ".htm")):
        raise UsageError(f"the report is a web page, so {report} must end in .html")


def _write_report(file: str, teller: Teller, gallery: "Gallery", places: Mapping[str, str]) -> None:
    from mattecli import __version__
    from mattecli.evaluation.worst_cases import write_report

    share = sum(teller.shares) / len(teller.shares) if teller.shares else 0.0
    counts = {
        "measured": f"{len(teller.rows)}, failed or missing: {teller.failures}",
        "share counted": f"{share:.1%} of the pixels on average",
    }
    crop = {"crop": f"sides cut to multiples of {teller.terms.crop}"} if teller.terms.crop > 1 else {}
    write_report(file, teller.rows, gallery, {**places, **counts, **crop, "program": f"matte {__version__}"})
    teller.note(f"report: {file}")


def _csv_line(cells: Sequence[str | int | float | None]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)  # which quotes a name that holds a line's end
    return line.getvalue().removesuffix("\n")


def _table(rows: Sequence[tuple[str, Numbers]], metrics: Sequence[str]) -> str:
    """Names to the left, one column a metric, its numbers aligned at the point."""
    from mattecli.evaluation.evaluate import HEADINGS
    from mattecli.html.page import aligned

    columns = [
        ["", *(name for name, _ in rows)],
        *([HEADINGS[metric], *aligned([numbers.get(metric) for _, numbers in rows])] for metric in metrics),
    ]
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]) for cells in lines
    )
