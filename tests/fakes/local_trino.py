"""Run a local Trino 435 for tests, assembled from its artifacts in Maven Central, with tables in memory.

tests/fakes/local_athena_trino.py creates other catalogs while it runs.

Athena engine 3 follows Trino: https://docs.aws.amazon.com/athena/latest/ug/engine-versions-reference-0003.html
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from trino.dbapi import Connection, connect

from focuswatch.engines.trino_engine import TrinoEngine
from tests.fakes.free_port import free_port
from tests.fakes.waiting import wait_until

HERE = Path(__file__).parent / "trino"
POM_HASH = hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()[:8]
INSTALLED = HERE.parents[2] / "build" / f"trino-435-{POM_HASH}"
REQUIREMENTS = "JDK 17 or newer (java) and Maven (mvn)"
STATE_SECONDS = 60
# The tests' statements are so small that distributing and reordering their work costs more than the work.
QUICK = {
    "join_distribution_type": "BROADCAST",
    "join_reordering_strategy": "NONE",
    "max_hash_partition_count": 1,
    "min_hash_partition_count": 1,
    "redistribute_writes": "false",
    "scale_writers": "false",
    "task_concurrency": 1,
    "enable_dynamic_filtering": "false",
}
# Trino checks all tasks that it remembers five times a second, and by default remembers them for 15 minutes. In a run
# of thousands of statements, this takes a quarter of its CPU time.
CONFIG = """
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
catalog.management=dynamic
plugin.dir={plugins}
query.max-length=20000000
query.max-memory={memory}MB
query.max-memory-per-node={memory}MB
query.max-history=20
query.min-expire-age=1s
task.info.max-age=5s
http-server.log.enabled=false
"""
# With lazy dynamic filtering, scans wait for filters of joins that wait for the scans: two detections hung. Scans of
# the Hive connector do not wait. https://trino.io/docs/435/connector/memory.html
MEMORY = "connector.name=memory\nmemory.max-data-per-node=512MB\nmemory.enable-lazy-dynamic-filtering=false\n"
# Java's second compiler is worthwhile for code that every statement runs, but not for the classes that Trino generates
# for a single statement.
SECOND_COMPILER = [
    "-XX:TieredStopAtLevel=4",
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
]
NODE = "node.environment=test\nnode.id=local\nnode.data-dir={data}\n"


@dataclass(frozen=True)
class LocalTrino:
    """A Trino server on a local port, without authentication."""

    port: int

    def connect(
        self, *, catalog: str = "memory", schema: str = "default", session: Mapping[str, object] = QUICK
    ) -> Connection:
        """Return a connection to a catalog; by default, the one with tables in memory."""
        return connect(
            host="127.0.0.1",
            port=self.port,
            user="tests",
            catalog=catalog,
            schema=schema,
            session_properties=dict(session),
        )

    def engine(
        self, *, schema: str = "default", tables: Mapping[str, str] | None = None, run_id: str = "tests"
    ) -> TrinoEngine:
        """Return an engine for one schema."""
        return TrinoEngine(lambda: self.connect(schema=schema), run_id=run_id, tables=tables or {})

    def states(self, where: str, *, until: Callable[[list[str]], bool]) -> list[str]:
        """Return the states of the queries that match a condition on system.runtime.queries, once `until` holds.

        Return the last states if they stop changing before. Trino remembers a finished query for at least a second.
        """
        engine, states = self.engine(run_id="looking"), [""]

        def is_reached() -> bool:
            query = f"SELECT state FROM system.runtime.queries WHERE {where}"
            states[:] = [row["state"] for row in engine.query(query, label="look")]
            return until(states)

        with suppress(AssertionError):  # the caller compares the states
            wait_until(is_reached, progress=lambda: tuple(states), stalled_seconds=STATE_SECONDS)
        return states


def lacking() -> str | None:
    """Return the message that says what to install before a Trino server can start; None if nothing is missing."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        return f"tests on Trino are skipped: install {REQUIREMENTS}"
    java_output = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', java_output)
    if version is None or int(version[1]) < 17:
        first_line = java_output.splitlines()[:1]
        return f"tests on Trino are skipped: java is {first_line}; install {REQUIREMENTS}"
    return None


def must_be_there() -> bool:
    """Return whether a missing Trino is a failure: on a CI machine."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def make() -> None:
    """Download the server's artifacts, once per checkout."""
    INSTALLED.parent.mkdir(exist_ok=True)
    with FileLock(INSTALLED.parent / "trino.lock"):
        if INSTALLED.exists():
            return
        with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as scratch:
            to = Path(scratch) / "trino"
            command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "package", f"-Dto={to}"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            to.rename(INSTALLED)


@contextmanager
def trino(*, heap_gib: int = 2, for_hours: bool = False) -> Iterator[LocalTrino]:
    """Run a Trino for the length of the block; a statement may use two fifths of its heap.

    `for_hours` enables Java's second compiler, which is worthwhile after some hundred statements: it saves a quarter of
    the time of each later one.
    """
    make()
    with tempfile.TemporaryDirectory(prefix="trino-") as scratch:
        folder = Path(scratch)
        port = free_port()
        _configure(folder, port=port, heap_gib=heap_gib)
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                _command(heap_gib, for_hours=for_hours),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(port, server, folder / "log")
            yield LocalTrino(port)
        finally:
            server.kill()
            server.wait()


def _command(heap_gib: int, *, for_hours: bool) -> list[str]:
    return [
        "java",
        f"-Xmx{heap_gib}G",
        "-XX:+UseSerialGC",
        *(SECOND_COMPILER if for_hours else ["-XX:TieredStopAtLevel=1"]),
        "-XX:ReservedCodeCacheSize=512M",  # https://trino.io/docs/435/installation/deployment.html: full, it hangs
        "-Duser.timezone=UTC",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dconfig=etc/config.properties",
        "-Dnode.environment=test",
        "-Dlog.levels-file=etc/log.properties",
        "-Dlog.enable-console=true",
        "-cp",
        f"{INSTALLED / 'lib'}/*",
        str(HERE / "Server.java"),
    ]


def _configure(folder: Path, *, port: int, heap_gib: int) -> None:
    files = {
        "etc/config.properties": CONFIG.format(
            port=port, memory=heap_gib * 400, plugins=INSTALLED / "plugin"
        ),
        "etc/node.properties": NODE.format(data=folder / "data"),
        "etc/log.properties": "io.trino=ERROR\nio.airlift=ERROR\nBootstrap=ERROR\n",
        "etc/catalog/memory.properties": MEMORY,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _wait(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a statement runs: a node joins some seconds after the server reports that it started."""

    def failure() -> str:
        return f"Trino did not start:\n{log.read_text()[-3000:]}"

    def runs() -> bool:
        assert server.poll() is None, failure()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=5) as response:
                if b'"starting":false' not in response.read():
                    return False
            LocalTrino(port).engine().query(
                "SELECT count(*) AS nodes FROM memory.information_schema.tables", label="start"
            )
            return True
        except Exception:  # noqa: BLE001  whatever it says while it starts
            return False

    wait_until(runs, progress=lambda: log.stat().st_size, failure=failure)
