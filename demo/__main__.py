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
from rich.markup import escape

from demo import handover, story
from demo.handover import Played
from demo.memory import Memory, Step
from demo.parties import LEARNER, PARTIES, TECHNICIAN, Stage, StoryBroken
from demo.showing import STATUS_TTL_SECONDS
from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.embedded.servers import asked_to_stop
from kompetenspass.web.telemetry import configure_logging
from services.laptop.running import Laptop

console = Console(highlight=False)


async def play(stage: Stage, memory: Memory) -> list[Played]:
    """Play the steps in order and tell of each; the first that does not hold is the last that is played."""
    played: list[Played] = []
    for number, chapter in enumerate(story.STORY, 1):
        console.print(f"\n[bold]{number}  {chapter.title}[/bold]", soft_wrap=True)
        for name, step in chapter.steps:
            with console.status(name):
                played.append(await play_step(stage, memory, name, step))
            tell(len(played), played[-1])
            if not played[-1].ok:
                return played
    return played


async def play_step(stage: Stage, memory: Memory, name: str, step: Step) -> Played:
    """Play one step; return what came of it and how long it took."""
    start = time.perf_counter()
    try:
        ok, said = True, await step(stage, memory)
    except StoryBroken as broken:
        ok, said = False, str(broken)
    return Played(name, ok, round((time.perf_counter() - start) * 1000), said)


def tell(number: int, played: Played) -> None:
    """Print one step that was played."""
    mark = "[green]✓[/green]" if played.ok else "[red]✗[/red]"
    line = f"  {mark} {number:>2} [bold]{played.step:<10}[/bold] {escape(played.said)} [dim]{played.ms} ms[/dim]"
    console.print(line, soft_wrap=True)


def tokens_of(laptop: Laptop) -> dict[str, str]:
    """Return an access token for each party of the story, and for its two learners.

    The technician is somebody new at every start: who holds the awards of the third chapter is not awarded them again.
    """
    tokens = {party: laptop.token(*party.split(":")) for party in PARTIES}
    return {**tokens, LEARNER: laptop.learner_token(), TECHNICIAN: laptop.learner_token(uuid7())}


def show_addresses(stage: Stage, links: dict[str, str], offers: list[dict[str, Any]], report: Path) -> None:
    """Tell a visitor what to open and what to try."""
    lines = [
        "\n[bold]Open[/bold]",
        f"  the technician's timeline (opens once)  {links[TECHNICIAN]}",
        f"  then the technician's pathways          {stage.urls['wallet']}/timeline/pathways",
        f"  the other learner's (opens once)        {links[LEARNER]}",
        f"  the definitions                         {stage.urls['catalog']}/v1/definitions",
        *(f"  {name:<39} {url}/openapi.json" for name, url in stage.urls.items()),
        "\n[bold]Try a wallet of your own[/bold]",
        *(f"  offer, tx_code {offer['tx_code'] or '–':<24} {offer['qr']}" for offer in offers),
        f"  links, requests, access tokens          {report}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


async def show_code(stage: Stage, offer: dict[str, Any]) -> None:
    """Print an offer as a QR code, where somebody can hold a telephone up to it."""
    if console.is_terminal:
        code = await stage.http.get(offer["qr"].removesuffix("svg") + "txt")
        console.print(f"\n[bold]The first offer, for a wallet's camera[/bold]\n\n{code.text}", soft_wrap=True)


async def demonstrate(laptop: Laptop, *, leave: bool) -> int:
    """Run the platform, play the story, keep serving unless `leave`; return the exit code."""
    console.print("[bold]Kompetenspass[/bold]: five services, one PostgreSQL, one story")
    async with laptop:
        folder = laptop.folder
        async with httpx2.AsyncClient(timeout=120) as http:
            stage, memory = Stage(laptop.urls, tokens_of(laptop), http), Memory()
            played = await play(stage, memory)
            if not all(each.ok for each in played):
                handover.write(folder / "demo.json", stage, played, [], [])
                return 1
            offers, requests = await handover.unused_offers(stage, memory), await handover.open_requests(stage)
            links = {learner: await handover.timeline_link(stage, learner) for learner in (LEARNER, TECHNICIAN)}
            handover.write(folder / "demo.json", stage, played, offers, requests)
            show_addresses(stage, links, offers, folder / "demo.json")
            await show_code(stage, offers[0])
        if not leave:
            asked = asked_to_stop()
            console.print("\nCtrl-C stops.")
            await asked.wait()
    return 0


def main(
    leave: Annotated[bool, typer.Option("--exit", help="End after the story.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the platform keeps its state.")] = Path(".run"),
    apart: Annotated[bool, typer.Option("--apart", help="Each service in a process of its own.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="They follow each other over Kafka.")] = False,
) -> None:
    """Run the platform and play the story; exit 0 only if every step held."""
    configure_logging("WARNING")
    laptop = Laptop(folder, status_ttl_seconds=STATUS_TTL_SECONDS, apart=apart, kafka=kafka, say=console.print)
    try:
        sys.exit(uvloop.run(demonstrate(laptop, leave=leave)))
    except Problem as problem:
        console.print(f"[red]{problem.code}[/red]: {problem.title} {problem.remedy}")
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
