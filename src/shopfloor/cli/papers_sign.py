"""``shopfloor papers sign`` and ``verify``: that a folder is as somebody with a key left it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from shopfloor.cli.papers import command
from shopfloor.errors import UsageError

__all__ = ["command"]

_PATH = click.Path(path_type=Path)
_SIGNATURE = click.option(
    "--signature", type=_PATH, help="File of the signature [default: model.sig in FOLDER]."
)


@command.command("sign", short_help="Sign every file of a model's folder.")
@click.argument("folder", type=_PATH)
@click.option("--key", required=True, type=_PATH, help="Private key on P-256 (PEM).")
@click.option(
    "--cert-chain",
    type=_PATH,
    help="Certificates (PEM): the key's own first, then those up to a root.",
)
@_SIGNATURE
def _sign(folder: Path, key: Path, cert_chain: Path | None, signature: Path | None) -> None:
    r"""Write a Model Signing bundle (OpenSSF, v1.0) of every file in FOLDER.

    \b
    openssl ecparam -name prime256v1 -genkey -noout -out key.pem
    openssl ec -in key.pem -pubout -out key.pub
    """
    from shopfloor.papers.dsse import Signer
    from shopfloor.papers.model_signature import sign_folder

    done = sign_folder(folder, Signer.read(key, cert_chain), signature)
    click.echo(f"signed   {len(done.sha256)} files of {folder}, by {done.who}")
    click.echo(f"written  {done.signature}")


@command.command("verify", short_help="Hold every file of a folder against its signature.")
@click.argument("folder", metavar="FOLDER|RUN/papers.dsse.json", type=_PATH)
@click.option("--key", type=_PATH, help="Public key of who is believed (PEM).")
@click.option("--root", type=_PATH, help="Root certificates that are believed (PEM).")
@_SIGNATURE
def _verify(folder: Path, key: Path | None, root: Path | None, signature: Path | None) -> None:
    """Refuse FOLDER unless every file in it is as it was signed, and none was added.

    Of a run the signed verdict is verified: RUN/papers.dsse.json. Exit code 1: it holds, and is no
    pass. Needs no network, and asks none whether a key was revoked.
    """
    from shopfloor.papers.dsse import Trust
    from shopfloor.papers.model_signature import NAME as MODEL
    from shopfloor.papers.model_signature import verify_folder
    from shopfloor.papers.verdict import NAME, verify_verdict

    trust = Trust.read(key=key, root=root)
    if folder.name == NAME:
        found = verify_verdict(folder, trust)
        click.echo(f"verified {found.said}; signed by {found.who}")
        if found.verdict != "pass":
            sys.exit(1)
        return
    if signature is None and not (folder / MODEL).exists() and (folder / NAME).exists():
        # Named by hand: a verdict that was put into a model's folder must not vouch for its files.
        raise UsageError(
            f"{folder} is a run and no model; verify its verdict: shopfloor papers verify "
            f"{folder / NAME}"
        )
    done = verify_folder(folder, trust, signature)
    click.echo(f"verified {len(done.sha256)} files of {folder}: as signed by {done.who}")
