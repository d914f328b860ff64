"""As whom the PostgreSQL programs run: they refuse root, so root steps down first."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kompetenspass.core.digest import sha256_hex
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.binaries import copy_once

_ACCOUNT = "nobody"
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """How a program is started without root's rights, and where its files lie: `installation` and `home`."""

    installation: Path
    home: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs a program of the installation."""
        return [*self.prefix, str(self.installation / "bin" / program), *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        """The whole environment of the programs: none of PostgreSQL's own variables may reach them."""
        return _ENVIRONMENT

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end and return its result, whatever the exit code is."""
        return _run(self.command(program, *arguments), self.uid, self.gid)

    def works(self) -> bool:
        """Return whether the programs can be reached, loaded and run this way."""
        try:
            return self.run("postgres", "--version").returncode == 0
        except PermissionError:
            return False

    def spawn(self, program: str, arguments: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        """Start a program as our child in a session of its own, so that Ctrl-C reaches only us."""
        return subprocess.Popen(  # noqa: S603  the command is ours
            self.command(program, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=self.environment,
            cwd="/",
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def own(self, folder: Path) -> None:
        """Make `folder` (0700), and everything in it the account's, where the account is another than ours."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.uid is None or self.gid is None:
            return
        for path in (folder, *folder.rglob("*")):
            if path.lstat().st_uid != self.uid:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(installation: Path, home: Path) -> Account:
    """Return the account for `home`: ourselves, or for root a user namespace, or else `nobody` by setuid."""
    if os.geteuid() != 0:
        return Account(installation, home)
    return namespace_account(installation, home) or nobody_account(installation, home)


def namespace_account(installation: Path, home: Path) -> Account | None:
    """Return root's account in a user namespace, where it is `nobody` and owns its own files; None if forbidden."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    entry = pwd.getpwnam(_ACCOUNT)
    prefix = (unshare, "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")
    account = Account(installation, home, prefix)
    reachable = _run([*prefix, "test", "-x", str(home)], None, None).returncode == 0
    return account if reachable and account.works() else None


def nobody_account(installation: Path, home: Path) -> Account:
    """Return `nobody` by setuid; what that account cannot reach is copied, or moved, to a folder that it can."""
    entry = pwd.getpwnam(_ACCOUNT)
    here = Account(installation, home, (), entry.pw_uid, entry.pw_gid)
    reachable = _run(["test", "-x", str(home.parent)], here.uid, here.gid).returncode == 0
    if not reachable:
        here = Account(installation, private_folder(home, entry.pw_uid), (), entry.pw_uid, entry.pw_gid)
    here.own(here.home)
    if here.works():
        return here
    copy = copy_once(installation, here.home)
    here.own(here.home)
    return _proven(Account(copy, here.home, (), here.uid, here.gid))


def private_folder(home: Path, uid: int | None) -> Path:
    """Return a short folder (0700) under the system's temporary folder that stands for `home` and is `uid`'s or ours.

    Raises Problem `state_folder_taken` when somebody else has made it.
    """
    folder = Path(tempfile.gettempdir()) / f"kompetenspass-{sha256_hex(str(home.resolve()).encode())[:12]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid not in {uid, os.geteuid()} or state.st_mode & 0o077:
        raise Problem(
            "state_folder_taken",
            "The short folder for PostgreSQL's socket and files belongs to somebody else.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Look at {folder} and remove it, or choose another state folder.",
        )
    return folder


def _proven(account: Account) -> Account:
    if account.works():
        return account
    raise Problem(
        "embedded_postgres_needs_an_account",
        "PostgreSQL does not run as root, and this machine lets root neither make a user namespace nor step down.",
        kind=Kind.UNAVAILABLE,
        remedy="Run as a user who is not root, or give the services the address of a PostgreSQL server.",
    )


def _run(command: Sequence[str], uid: int | None, gid: int | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the command is ours
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        check=False,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
    )
