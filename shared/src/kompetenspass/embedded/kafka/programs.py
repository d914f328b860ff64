"""Java: how its programs are called, and how one is started that ends with this process, however that ends."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.children import with_parent

_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}  # C.UTF-8: Java opens files by names of any characters
_LOGGING = Path(__file__).with_name("log4j2.xml")
_BRIEF = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true")
_OLDEST_JAVA = 17


@dataclass(frozen=True)
class Java:
    """The java program, and the folder of the jars that it runs."""

    program: Path
    jars: Path

    def command(self, main: str, *arguments: str, heap_megabytes: int, scratch: Path) -> list[str]:
        """Return the command line for one main class; native libraries are unpacked in `scratch`, not in /tmp."""
        heap = (f"-Xms{heap_megabytes}m", f"-Xmx{heap_megabytes}m")
        places = (f"-Djava.io.tmpdir={scratch}", f"-Dlog4j2.configurationFile={_LOGGING}")
        return [str(self.program), *heap, *_BRIEF, *places, "-cp", f"{self.jars}/*", main, *arguments]

    def run(self, command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return its result, whatever the exit code is. Raises TimeoutExpired."""
        return subprocess.run(  # noqa: S603  the command is ours
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            timeout=seconds,
            check=False,
        )

    def spawn(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a command that is killed when this process dies, in a session that Ctrl-C does not reach."""
        return _Spawning.of_this_process().ask(lambda: _spawned([*with_parent(), *command], log))


def find_java() -> Path:
    """Return the java program. Raises Problem `java_missing`."""
    found = shutil.which("java")
    if found is None:
        raise Problem(
            "java_missing",
            "Java, which runs Kafka, is not installed.",
            kind=Kind.UNAVAILABLE,
            remedy=(
                f"Install version {_OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jre-headless), "
                "or set KAFKA_BOOTSTRAP_SERVERS to a broker that is already there."
            ),
        )
    return Path(found)


class _Spawning(threading.Thread):
    """The one thread that starts programs: Linux takes the thread for the parent, and others of ours may end early."""

    _only: _Spawning | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        super().__init__(name="spawning", daemon=True)
        self._asked: SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._asked = SimpleQueue()

    @classmethod
    def of_this_process(cls) -> _Spawning:
        """Return the thread, started at the first call; it lasts as long as the process."""
        with cls._lock:
            if cls._only is None:
                cls._only = cls()
                cls._only.start()
            return cls._only

    def ask(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Return what `start` returns when this thread calls it. Raises OSError."""
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((start, answer))
        return answer.result()

    def run(self) -> None:
        """Start one program after the other."""
        while True:
            start, answer = self._asked.get()
            try:
                answer.set_result(start())
            except OSError as error:
                answer.set_exception(error)


def _spawned(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        log.chmod(0o600)
        return subprocess.Popen(  # noqa: S603  the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
