"""``shopfloor view``: runs in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shopfloor.errors import UsageError

__all__ = ["command"]

_PORT = 8123
_MOST_TOKEN = 4096


@click.command(
    "view",
    short_help="Look through runs in the browser.",
    epilog="""\b
Examples:
  shopfloor view                          the runs in runs/, at http://127.0.0.1:8123/
  shopfloor view runs/monday --open       one run, and open the browser
  shopfloor view --host 0.0.0.0 --token-file token --tls-cert cert.pem --tls-key key.pem""",
)
@click.argument("folder", metavar="[DIR]", default="runs", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True,
              help="Port; 0 takes a free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("--open/--no-open", "browse", default=False, show_default=True,
              help="Open the page in the browser.")  # fmt: skip
@click.option("--token-file", type=click.Path(path_type=Path),
              help="File with the token that visitors must show.")  # fmt: skip
@click.option("--tls-cert", type=click.Path(path_type=Path), help="PEM file of a certificate.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its key.")
def command(folder: Path, **options: Any) -> None:
    """Show the runs in DIR: live progress, reports, every episode with its videos, comparisons.

    Nothing is changed in DIR, and nothing is loaded from elsewhere. Only this machine can reach
    the page, unless a token and a TLS certificate are given; a browser asks for the token as a
    password. Ctrl-C ends it. Needs the extra shopfloor[view].
    """
    try:
        from shopfloor.view import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "shopfloor":
            raise
        raise UsageError(
            f"the pages need a package that is not installed here ({error.name}); install the "
            "extra: pip install 'shopfloor[view]'"
        ) from error
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}; name one with runs, or make a run: shopfloor run "
            "--orders 5"
        )
    host = options["host"]
    http = server.Http.parse(
        f"[{host}]:{options['port']}" if ":" in host else f"{host}:{options['port']}",
        token=_token(options["token_file"]),
        cert=options["tls_cert"],
        key=options["tls_key"],
    )

    def listening(url: str) -> None:
        click.echo(f"{folder} at {url}  (Ctrl-C ends)")
        if options["browse"]:
            import webbrowser

            webbrowser.open(url)

    server.serve(folder, http, listening=listening)


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            token = file.read(_MOST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} holds no token ({error}); write one: openssl rand -hex 24 > {path}"
        ) from error
    if not token.isprintable() or " " in token:
        raise UsageError(f"the token in {path} has spaces or more than one line; write one word")
    return token
