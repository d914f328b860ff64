"""`python -m contract write` makes docs/generated from the code; `check` says what differs and what a change breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contract import generated, released
from kompetenspass.core.errors import Problem

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@cli.command()
def write(
    into: Annotated[Path, typer.Option(help="The folder that the files go into.")] = generated.FOLDER,
) -> None:
    """Write the schemas, the examples, asyncapi.yaml, the OpenAPI documents and the page of settings."""
    changed, gone = generated.write(into)
    for path in (*changed, *(f"{path} (removed)" for path in gone)):
        typer.echo(path)
    typer.echo(f"{len(changed)} written, {len(gone)} removed.")


@cli.command()
def check(
    against: Annotated[
        str | None,
        typer.Option(
            help="What was released: a commit, or a folder like docs/generated. "
            "[default: main, and if that is checked out, the commit before it too]"
        ),
    ] = None,
) -> None:
    """Leave with 1 where the committed files differ from the code, or where a change breaks what was released."""
    found = [f"{line}. Run `make docs` and commit it." for line in generated.differences(generated.FOLDER)]
    for commit in [against] if against else released.unless_told():
        try:
            found += map(str, generated.broken_since(commit))
        except Problem as problem:
            said = f"{problem.title} {problem.remedy} ({problem.detail})"
            if against:
                found.append(said)
            else:  # an archive of the sources has no `main`, a shallow clone nothing before it
                typer.echo(f"Not compared with {commit}. {said}", err=True)
    for line in dict.fromkeys(found):
        typer.echo(line, err=True)
    if found:
        raise typer.Exit(1)
    typer.echo("The contract is as the code says, and breaks nothing that was released.")


if __name__ == "__main__":
    cli()
