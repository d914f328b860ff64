"""docs/generated/asyncapi.yaml is a document to AsyncAPI's own parser, from a pinned package."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from contract.asyncapi import document
from contract.generated import FOLDER
from kompetenspass.core.digest import sha256_hex
from kompetenspass.embedded.kafka.jars import cache_folder

pytestmark = pytest.mark.long

HERE = Path(__file__).parent / "asyncapi"
_INSTALL_SECONDS = 600
_PARSE_SECONDS = 300
_ERROR = 0
_LATER_VERSION = "asyncapi-latest-version"  # that there is 3.1 is no fault of a document in 3.0


@pytest.fixture(scope="module")
def parser() -> Path:
    """Return the folder of the parser: installed once from its lock, in the cache outside the sources."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("Node and npm are not there; install Node 20 or newer (Debian: nodejs npm) to check asyncapi.yaml")
    cache = cache_folder()
    place = cache / f"asyncapi-{sha256_hex((HERE / 'package-lock.json').read_bytes())[:12]}"
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as made:
            install(Path(made))
            if not place.is_dir():
                Path(made).rename(place)
                Path(made).mkdir()
    return place


def install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=_INSTALL_SECONDS)
    assert done.returncode == 0, f"npm could not install the parser; it needs the network once: {done.stderr[-2000:]}"


def parsed(parser: Path, path: Path) -> dict[str, Any]:
    command = ["node", str(HERE / "parse.mjs"), str(parser), str(path)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=_PARSE_SECONDS)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_document_is_valid_and_has_every_channel_and_message(parser: Path) -> None:
    said = parsed(parser, FOLDER / "asyncapi.yaml")
    assert [fault for fault in said["faults"] if fault["code"] != _LATER_VERSION] == []
    made = document()
    assert said["version"] == "3.0.0"
    assert sorted(said["channels"]) == sorted(channel["address"] for channel in made["channels"].values())
    assert said["messages"] == len(made["components"]["messages"])


def test_the_parser_finds_what_is_wrong(parser: Path, tmp_path: Path) -> None:
    broken = document()
    broken["channels"]["catalog_public"]["servers"] = [{"$ref": "#/servers/nowhere"}]
    (tmp_path / "asyncapi.yaml").write_text(json.dumps(broken))
    faults = parsed(parser, tmp_path / "asyncapi.yaml")["faults"]
    assert any(fault["severity"] == _ERROR for fault in faults)
