"""What the launcher of Kafka decides before anything runs: properties, users, ports, and what it refuses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.broker import EmbeddedKafka
from kompetenspass.embedded.kafka.made import made_as, places_in
from kompetenspass.embedded.kafka.properties import Place, Secured, as_file, node_properties
from kompetenspass.embedded.kafka.users import EVERY_TOPIC, Operation, Pattern, Resource, Right, User


def place(number: int) -> Place:
    return Place(number, Path(f"/kafka/node-{number}"), 1000 + number, 2000 + number, 3000 + number)


def test_three_nodes_keep_three_copies_of_which_two_must_be_written() -> None:
    places = [place(1), place(2), place(3)]
    told = node_properties(places[1], places, None)
    assert told["node.id"] == "2"
    assert told["controller.quorum.bootstrap.servers"] == "127.0.0.1:2001,127.0.0.1:2002,127.0.0.1:2003"
    assert (told["default.replication.factor"], told["min.insync.replicas"]) == ("3", "2")
    assert told["unclean.leader.election.enable"] == "false"


def test_only_this_machine_reaches_any_listener() -> None:
    told = node_properties(place(1), [place(1)], Secured(Path("/kafka/listener.pem")))
    hosts = {listener.partition("://")[2].partition(":")[0] for listener in told["listeners"].split(",")}
    assert hosts == {"127.0.0.1"}


def test_a_secured_kafka_allows_nothing_that_was_not_granted_but_to_administrators() -> None:
    told = node_properties(place(1), [place(1)], Secured(Path("/kafka/listener.pem"), ("boss",)))
    assert told["allow.everyone.if.no.acl.found"] == "false"
    assert told["super.users"] == "User:ANONYMOUS;User:boss"
    assert "authorizer.class.name" not in node_properties(place(1), [place(1)], None)


@pytest.mark.parametrize(
    ("value", "written"),
    [("/a b/c=d", "/a b/c=d"), ("å", "\\u00e5"), ("back\\slash", "back\\\\slash"), ("🦊", "\\ud83e\\udd8a")],
)
def test_properties_are_written_as_java_reads_them(value: str, written: str) -> None:
    assert as_file({"name": value}) == f"name={written}\n"


def test_a_user_reads_topics_by_prefix_and_groups_of_its_own() -> None:
    rights = set(User("ann", "secret", reads=("open.",), writes=(EVERY_TOPIC,)).rights())
    assert rights == {
        Right("User:ann", Resource.TOPIC, Pattern.PREFIXED, "open.", Operation.READ),
        Right("User:ann", Resource.TOPIC, Pattern.LITERAL, "*", Operation.WRITE),
        Right("User:ann", Resource.GROUP, Pattern.PREFIXED, "ann.", Operation.READ),
    }


def test_a_password_is_neither_shown_nor_on_a_command_line() -> None:
    user = User("ann", "open sesame")
    assert "sesame" not in repr(user)
    assert "sesame" not in user.credential()
    assert user.credential() != user.credential()


@pytest.mark.parametrize("name", ["", "a,b", "a]", "a b", "a;User:b"])
def test_a_name_that_would_mean_something_else_to_kafka_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        User(name, "secret")


def test_a_folder_stays_what_it_was_made_as(tmp_path: Path) -> None:
    users = [User("ann", "secret")]
    made = made_as(tmp_path, 3, users)
    assert made_as(tmp_path, 3, users) == made
    assert places_in(tmp_path, 3) == places_in(tmp_path, 3)
    assert "secret" not in (tmp_path / "cluster.json").read_text()
    for nodes, others in ((1, users), (3, []), (3, [User("ann", "changed")])):
        with pytest.raises(Problem, match="kafka_folder_differs"):
            made_as(tmp_path, nodes, others)


def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    (first,) = places_in(tmp_path, 1)
    with socket.create_server(("127.0.0.1", first.port)), pytest.raises(Problem, match="port_taken") as refused:
        places_in(tmp_path, 1)
    assert str(first.port) in refused.value.title
    assert str(tmp_path) in refused.value.remedy


async def test_without_java_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="java_missing") as refused:
        await EmbeddedKafka(tmp_path / "kafka").start()
    assert "KAFKA_BOOTSTRAP_SERVERS" in refused.value.remedy


async def test_a_java_that_cannot_run_kafka_leaves_its_words_and_no_half_made_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho UnsupportedClassVersionError >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="could not make its data folder") as refused:
        await EmbeddedKafka(tmp_path / "kafka", jars=lambda: tmp_path).start()
    assert "UnsupportedClassVersionError" in refused.value.detail
    assert "Java 17" in refused.value.remedy
    assert not (tmp_path / "kafka" / "node-1" / "data").exists()


def test_two_nodes_and_users_without_a_listener_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="three"):
        EmbeddedKafka(tmp_path, nodes=2)
    with pytest.raises(ValueError, match="secured"):
        EmbeddedKafka(tmp_path, users=(User("ann", "secret"),))
    with pytest.raises(Problem, match="not_running"):
        _ = EmbeddedKafka(tmp_path).bootstrap
