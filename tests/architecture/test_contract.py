"""The contract with those outside: the committed files are those of the code, and a breaking change is found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from typer.testing import CliRunner

from contract import generated, released
from contract.__main__ import cli
from contract.breaking import breaks
from contract.generated import FOLDER
from kompetenspass.core.digest import canonical_json
from kompetenspass.core.errors import Problem
from kompetenspass.events import codec
from kompetenspass.events.codec import EVENTS

NAME = "registry.RoleGranted.v1.internal.schema.json"
PUBLIC = "registry.RoleGranted.v1.public.schema.json"
EXAMPLES = sorted((FOLDER / "events" / "examples").glob("*.json"))
OLD = "registry.RoleGranted.v0"
Schemas = dict[str, Any]
FORMATS = jsonschema.FormatChecker()


def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(is_moment)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return generated.files()


@pytest.fixture
def now(made: dict[str, str]) -> Schemas:
    return generated.schemas(made)


def payload(schemas: Schemas) -> Schemas:
    found: Schemas = schemas[NAME]["properties"]["payload"]
    return found


def test_the_committed_files_are_those_of_the_code() -> None:
    assert generated.differences(FOLDER) == []


def test_the_same_code_makes_the_same_files(made: dict[str, str]) -> None:
    assert generated.files() == made


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_decodes_and_is_as_its_schemas_say(path: Path) -> None:
    example = json.loads(path.read_text(encoding="utf-8"))
    stored = example["internal"]
    event = codec.envelope(UUID(stored["id"]), path.stem, canonical_json(stored["data"]).decode()).event
    assert event.owner() == path.stem.partition(".")[0]
    for audience, sent in example.items():
        schema = json.loads((FOLDER / "events" / f"{path.stem}.{audience}.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema, format_checker=FORMATS).validate(sent["data"])


def test_every_event_and_every_old_version_has_an_example() -> None:
    assert {path.stem for path in EXAMPLES} == EVENTS.keys() | codec.UPCASTS.keys()


def nothing(schemas: Schemas) -> None:
    pass


def optional_field_added(schemas: Schemas) -> None:
    payload(schemas)["properties"]["added"] = {"type": "string"}


def type_added(schemas: Schemas) -> None:
    schemas["registry.New.v1.internal.schema.json"] = {"type": "object"}


def enumeration_widened(schemas: Schemas) -> None:
    payload(schemas)["properties"]["role"]["enum"].append("auditor")


@pytest.mark.parametrize("change", [nothing, optional_field_added, type_added, enumeration_widened])
def test_what_only_adds_breaks_nothing(change: Callable[[Schemas], None], now: Schemas) -> None:
    payload(now)["properties"]["role"]["enum"] = ["issuer", "provider"]
    changed = deepcopy(now)
    change(changed)
    assert breaks(now, changed) == []


def field(name: str, **said: Any) -> Callable[[Schemas], None]:
    """Return the change of one field's schema."""
    return lambda schemas: payload(schemas)["properties"][name].update(said)


def type_removed(schemas: Schemas) -> None:
    for name in [name for name in schemas if name.startswith("registry.RoleGranted.v1.")]:
        del schemas[name]


def audience_taken_away(schemas: Schemas) -> None:
    del schemas[PUBLIC]


def field_taken_from_an_audience(schemas: Schemas) -> None:
    del schemas[PUBLIC]["properties"]["granted_by"]


def field_removed(schemas: Schemas) -> None:
    del payload(schemas)["properties"]["valid_to"]


def field_renamed(schemas: Schemas) -> None:
    payload(schemas)["properties"]["ends"] = payload(schemas)["properties"].pop("valid_to")


def required_field_added(schemas: Schemas) -> None:
    payload(schemas)["properties"]["added"] = {"type": "string"}
    payload(schemas)["required"].append("added")


def field_became_required(schemas: Schemas) -> None:
    payload(schemas)["required"].append("valid_to")


def field_became_optional(schemas: Schemas) -> None:
    payload(schemas)["required"].remove("role")


def null_forbidden(schemas: Schemas) -> None:
    payload(schemas)["properties"]["valid_to"] = {"type": "string", "format": "date-time"}


def enumeration_narrowed(schemas: Schemas) -> None:
    payload(schemas)["properties"]["role"]["enum"].remove("provider")


def removed_at_depth(schemas: Schemas) -> None:
    del payload(schemas)["properties"]["scope"]["properties"]["regions"]


def narrowed_within_a_list(schemas: Schemas) -> None:
    payload(schemas)["properties"]["scope"]["properties"]["regions"]["items"]["maxLength"] = 3


BREAKING: list[tuple[Callable[[Schemas], None], str, str]] = [
    (type_removed, "$", "the type registry.RoleGranted.v1 was removed or renamed"),
    (audience_taken_away, "$", "registry.RoleGranted.v1 reaches the audience public no more"),
    (field_taken_from_an_audience, "$.granted_by", "taken away from this audience"),
    (field_removed, "$.payload.valid_to", "the field was removed, renamed"),
    (field_renamed, "$.payload.valid_to", "the field was removed, renamed"),
    (required_field_added, "$.payload.added", "a required field was added"),
    (field_became_required, "$.payload.valid_to", "was optional and is required"),
    (field_became_optional, "$.payload.role", "may be absent"),
    (null_forbidden, "$.payload.valid_to", "the type is narrower: null not allowed"),
    (field("role", type="integer"), "$.payload.role", "the type is narrower: string not allowed"),
    (field("granted_by", type=["string", "null"]), "$.payload.granted_by", "the type is another: null may come"),
    (field("valid_from", format="date"), "$.payload.valid_from", "the format was date-time and is date"),
    (enumeration_narrowed, "$.payload.role", "the enumeration is narrower: provider not allowed"),
    (field("org_id", enum=["org:a"]), "$.payload.org_id", "any value was allowed and only some are"),
    (field("org_id", maxLength=9), "$.payload.org_id", "the bound maxLength is narrower: 9"),
    (field("org_id", minLength=1), "$.payload.org_id", "the bound minLength is narrower: 1"),
    (field("org_id", pattern="^org:"), "$.payload.org_id", "the pattern is another: ^org:"),
    (removed_at_depth, "$.payload.scope.regions", "the field was removed"),
    (narrowed_within_a_list, "$.payload.scope.regions[*]", "the bound maxLength is narrower"),
]


@pytest.mark.parametrize(("change", "at", "what"), BREAKING, ids=[f"{at} {what}" for _, at, what in BREAKING])
def test_a_breaking_change_is_found_and_named_with_what_to_do_instead(
    change: Callable[[Schemas], None], at: str, what: str, now: Schemas
) -> None:
    payload(now)["properties"]["role"]["enum"] = ["issuer", "provider"]
    changed = deepcopy(now)
    change(changed)
    found = breaks(now, changed)
    assert [one.at for one in found if what in one.what][:1] == [at]
    assert all("new version" in str(one) and "upcast" in str(one) for one in found)


def test_an_old_version_keeps_its_files_for_as_long_as_an_upcast_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated.write(tmp_path)
    old = tmp_path / "events" / f"{OLD}.internal.schema.json"
    old.write_text(json.dumps({"type": "object"}))
    assert generated.differences(tmp_path) == [f"events/{OLD}.internal.schema.json belongs to nothing in the code"]
    monkeypatch.setitem(codec.UPCASTS, OLD, ("registry.RoleGranted.v1", dict))
    assert generated.differences(tmp_path) == [f"events/examples/{OLD}.json is missing: the example of an old version"]
    assert generated.write(tmp_path) == ([], [])
    assert old.exists()


def test_write_takes_away_what_belongs_to_nothing_and_check_says_what_differs(tmp_path: Path) -> None:
    generated.write(tmp_path)
    (tmp_path / "openapi" / "gone.json").write_text("{}")
    (tmp_path / "somebodys.md").write_text("x")
    (tmp_path / "settings.md").write_text("x")
    (tmp_path / "asyncapi.yaml").unlink()
    assert generated.differences(tmp_path) == [
        "asyncapi.yaml is missing",
        "settings.md says something else than the code",
        "openapi/gone.json belongs to nothing in the code",
    ]
    assert generated.write(tmp_path) == (["asyncapi.yaml", "settings.md"], ["openapi/gone.json"])
    assert (tmp_path / "somebodys.md").exists()
    assert generated.differences(tmp_path) == []


def test_the_command_compares_with_a_folder(tmp_path: Path) -> None:
    generated.write(tmp_path)
    assert CliRunner().invoke(cli, ["check", "--against", str(tmp_path)]).exit_code == 0
    (tmp_path / "events" / "registry.Gone.v1.internal.schema.json").write_text(json.dumps({"type": "object"}))
    answer = CliRunner().invoke(cli, ["check", "--against", str(tmp_path)])
    assert answer.exit_code == 1
    assert "the type registry.Gone.v1 was removed or renamed" in answer.output


def test_the_released_schemas_are_read_from_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released, "ROOT", tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "before there was a contract")
    assert released.released("HEAD") == {}
    folder = tmp_path / "docs" / "generated" / "events"
    folder.mkdir(parents=True)
    (folder / NAME).write_text('{"type": "object"}')
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a contract")
    (folder / NAME).unlink()
    assert released.released("HEAD") == {NAME: {"type": "object"}}
    with pytest.raises(Problem, match="nothing_to_compare_with"):
        released.released("no-such-commit")


def test_on_main_itself_the_commit_before_is_compared_with_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(released, "ROOT", tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "nothing before it")
    answer = CliRunner().invoke(cli, ["check"])
    assert (answer.exit_code, "Not compared with HEAD~1." in answer.output) == (0, True)
    gone = tmp_path / "docs" / "generated" / "events" / "registry.Gone.v1.internal.schema.json"
    gone.parent.mkdir(parents=True)
    gone.write_text('{"type": "object"}')
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a contract")
    git(tmp_path, "rm", "-q", str(gone))
    git(tmp_path, "commit", "-q", "-m", "it is broken")
    answer = CliRunner().invoke(cli, ["check"])
    assert answer.exit_code == 1
    assert answer.output.count("the type registry.Gone.v1 was removed or renamed") == 1
    git(tmp_path, "switch", "-q", "-c", "work")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "what main does not have")
    assert released.unless_told() == ("main",)


def git(folder: Path, *arguments: str) -> None:
    """Run git in a repository of the test's own."""
    known = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *known, *arguments], check=True, capture_output=True)
