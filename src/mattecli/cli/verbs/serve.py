"""`matte serve` and `matte page`: the HTTP service, and its page in the browser."""

from typing import TYPE_CHECKING, Annotated

import typer

from mattecli.cli import options, process
from mattecli.cli.choices import model_or
from mattecli.cli.console import PictureCommand, note, say
from mattecli.cli.recipe import AUTO
from mattecli.errors import MatteError

if TYPE_CHECKING:
    from mattecli.serve.settings import Settings

app = typer.Typer(rich_markup_mode=None)

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Listen at this address; 0.0.0.0 for all of this machine's.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Listen at this port; 0 for any that is free.")]
MaxBytes = Annotated[str, typer.Option("--max-bytes", metavar="N", help="Refuse larger requests; 50M is 50 million bytes.")]
MaxPixels = Annotated[str, typer.Option("--max-pixels", metavar="N", help="Refuse pictures of more pixels, before they are decoded.")]


@app.command(cls=PictureCommand)
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            **model_or(metavar="NAME|FILE.pt"),
            help="The model where a request names none and it fits.  [default: the best installed one]",
        ),
    ] = None,
    device: options.Device = AUTO,
    max_pixels: MaxPixels = "50M",
    max_bytes: MaxBytes = "50M",
    queue: Annotated[int, typer.Option(min=0, metavar="N", help="Requests that may wait; more are answered 429.")] = 16,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="The most for an upload, and again for its matte.")] = 120,
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="Clients must send the token in this file.")
    ] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Let other machines use the service without a token.")] = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option("--allow-origin", metavar="ORIGIN", help="Let web pages of this origin call the service (CORS).")
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Download a missing model that a client names.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Make mattes over HTTP, and in a page with a brush.

    Prints the address once requests are taken, and serves until Ctrl-C. POST /v1/matte takes a photo and answers its cut-out;
    /openapi.json describes all routes, /metrics has figures for Prometheus. No path and no address that a client sends is opened.

    Examples:

      matte serve --open

      curl -F image=@photo.jpg http://127.0.0.1:8000/v1/matte -o cutout.png

      matte serve --host 0.0.0.0 --token-file token.txt --model modnet
    """
    from mattecli.serve.settings import Settings, check_origin, check_reach, parse_amount, read_token

    settings = Settings(
        host=host,
        port=port,
        model=model,
        device=device,
        max_pixels=parse_amount(max_pixels, "--max-pixels"),
        max_bytes=parse_amount(max_bytes, "--max-bytes"),
        queue=queue,
        timeout=timeout,
        token=None if token_file is None else read_token(token_file),
        origins=tuple(check_origin(origin) for origin in allow_origin or ()),
        may_pull=pull,
    )
    check_reach(settings, no_token=no_token)
    _serve(settings, open_page=open_page)


@app.command(cls=PictureCommand)
def page(
    port: Port = 0,
    model: options.Model = None,
    device: options.Device = AUTO,
) -> None:
    """Open the page with a brush in the browser, served by this machine to itself.

    The same as `matte serve --port 0 --open`.
    """
    from mattecli.serve.settings import Settings

    _serve(Settings(port=port, model=model, device=device), open_page=True)


def _serve(settings: "Settings", *, open_page: bool) -> None:
    try:
        from mattecli.serve import server
    except ModuleNotFoundError as error:
        raise MatteError(f"the service needs {error.name}; install it with: pip install 'mattecli[serve]'") from error

    process.set_up_torch()

    def tell(address: str) -> None:
        say(address)
        note("Ctrl-C ends the service")
        if open_page:
            import webbrowser

            webbrowser.open(address if settings.token is None else f"{address}#token={settings.token}")

    server.serve(settings, tell)
