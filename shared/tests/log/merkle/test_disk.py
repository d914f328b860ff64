"""What an auditor keeps is there after a loss of power, and so are the names that lead to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kompetenspass.log.merkle.kept import Kept
from kompetenspass.log.merkle.note import Checkpoint
from kompetenspass.log.merkle.signing import LogSigner
from kompetenspass.log.merkle.tree import EMPTY


def test_a_kept_checkpoint_is_on_the_disk_with_its_name_and_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled, fsync = list[int](), os.fsync

    def noting(file: int) -> None:
        settled.append(os.fstat(file).st_ino)
        fsync(file)

    monkeypatch.setattr(os, "fsync", noting)
    signer, checkpoint = LogSigner("a.example/log", tmp_path / "log.key"), Checkpoint("a.example/log/1", 0, EMPTY)
    folder = tmp_path / "kept"
    Kept(folder, signer.verifier).write_checkpoint(checkpoint, str(signer.sign(checkpoint.text())).encode())
    (file,) = (folder / "checkpoints").iterdir()
    assert {each.stat().st_ino for each in (file, file.parent, folder, tmp_path)} <= set(settled)
    assert settled[-1] == file.parent.stat().st_ino
