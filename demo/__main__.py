"""`make demo`: the whole platform on this machine, and its story played over HTTP."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
import uvloop
from rich.console import Console

from demo import handover, story
from demo.handover import Played
from demo.parties import Stage, StoryBroken
from kompetenspass.core.errors import Problem
from kompetenspass.embedded.servers import asked_to_stop
from kompetenspass.web.telemetry import configure_logging
from services.__main__ import Laptop

console = Console(highlight=False)
PARTIES = (story.PROVIDER, story.AWARDING_BODY, story.ISSUER, story.VERIFIER, "rise:scheme_owner", "rise:operator")
DEMO_STATUS_TTL_SECONDS = 1


async def play(stage: Stage, memory: story.Memory) -> list[Played]:
    """Play the steps in order and tell of each; the first that does not hold is the last that is played."""
    played: list[Played] = []
    for name, step in story.STORY:
        start = time.perf_counter()
        try:
            ok, said = True, await step(stage, memory)
        except StoryBroken as broken:
            ok, said = False, str(broken)
        milliseconds = round((time.perf_counter() - start) * 1000)
        played.append(Played(name, ok, milliseconds, said))
        mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
        console.print(
            f"  {mark} {len(played):>2} [bold]{name:<10}[/bold] {said} [dim]{milliseconds} ms[/dim]", soft_wrap=True
        )
        if not ok:
            break
    return played


def tokens_of(laptop: Laptop) -> dict[str, str]:
    """Return an access token for each party of the story and for the learner."""
    tokens = {party: laptop.token(*party.split(":")) for party in PARTIES}
    return {**tokens, story.LEARNER: laptop.learner_token()}


def show_addresses(stage: Stage, link: str, offers: list[dict[str, Any]], report: Path) -> None:
    """Tell a visitor what to open and what to try."""
    lines = [
        "\n[bold]Open[/bold]",
        f"  the timeline (opens once)     {link}",
        f"  the definitions               {stage.urls['catalog']}/v1/definitions",
        *(f"  {name:<29} {url}/openapi.json" for name, url in stage.urls.items()),
        "\n[bold]Try a wallet of your own[/bold]",
        *(f"  offer, tx_code {offer['tx_code'] or '–':<15}{offer['qr']}" for offer in offers),
        f"  links, requests, access tokens {report}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


async def show_code(stage: Stage, offer: dict[str, Any]) -> None:
    """Print an offer as a QR code, where somebody can hold a telephone up to it."""
    if console.is_terminal:
        code = await stage.http.get(offer["qr"].removesuffix("svg") + "txt")
        console.print(f"\n[bold]The first offer, for a wallet's camera[/bold]\n\n{code.text}", soft_wrap=True)


async def demonstrate(folder: Path, *, leave: bool) -> int:
    """Run the platform, play the story, keep serving unless `leave`; return the exit code."""
    console.print("[bold]Kompetenspass[/bold]: five services, one PostgreSQL, one story\n")
    async with Laptop(folder, status_ttl_seconds=DEMO_STATUS_TTL_SECONDS, say=console.print) as laptop:
        async with httpx2.AsyncClient(timeout=30) as http:
            stage, memory = Stage(laptop.urls, tokens_of(laptop), http), story.Memory()
            console.print("\n[bold]The story: yrkessvenska at Skellefteå kommun[/bold]")
            played = await play(stage, memory)
            if not all(each.ok for each in played):
                handover.write(folder / "demo.json", stage, played, [], [])
                return 1
            offers, requests = await handover.unused_offers(stage, memory), await handover.open_requests(stage)
            link = await handover.timeline_link(stage)
            handover.write(folder / "demo.json", stage, played, offers, requests)
            show_addresses(stage, link, offers, folder / "demo.json")
            await show_code(stage, offers[0])
        if not leave:
            asked = asked_to_stop()
            console.print("\nCtrl-C stops.")
            await asked.wait()
    return 0


def main(
    leave: Annotated[bool, typer.Option("--exit", help="End after the story.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the platform keeps its state.")] = Path(".run"),
) -> None:
    """Run the platform and play the story; exit 0 only if every step held."""
    configure_logging("WARNING")
    try:
        sys.exit(uvloop.run(demonstrate(folder, leave=leave)))
    except Problem as problem:
        console.print(f"[red]{problem.code}[/red]: {problem.title} {problem.remedy}")
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
