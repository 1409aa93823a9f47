"""The Dockerfile copies all files that the wheel needs, and its container runs as a user without privileges."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.fakes.waiting import patience

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]
STAGES = [index for index, (instruction, _) in enumerate(LINES) if instruction == "FROM"]
BUILD, FINAL = LINES[STAGES[0] : STAGES[1]], LINES[STAGES[1] :]


def copied() -> list[tuple[list[str], str]]:
    """Return the COPY instructions of the first stage: sources and target."""
    arguments = [rest.split() for instruction, rest in BUILD if instruction == "COPY"]
    return [(words[:-1], words[-1]) for words in arguments]


def test_base_is_pinned_by_tag_and_the_same_in_both_stages():
    """The environment built in the first stage contains the path of its interpreter."""
    bases = {rest.split()[0] for instruction, rest in LINES if instruction == "FROM"}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", base)


def test_container_runs_focuswatch_without_privileges():
    """The image creates the user before it is selected."""
    final = dict(FINAL)
    assert final["USER"] == "1000:1000" and final["ENTRYPOINT"] == '["focuswatch"]'
    order = [instruction for instruction, _ in FINAL]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")
    assert "useradd --uid 1000 " in final["RUN"]


def test_everything_that_is_copied_is_in_the_build_context():
    """.dockerignore excludes everything else, such as .git and node_modules."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*" and not fnmatch.filter(kept, "*.git*")
    sources = {source for names, _ in copied() for source in names}
    assert sources == kept
    assert all((ROOT / source).exists() for source in sources)


def test_copied_files_build_the_same_wheel_as_the_checkout(tmp_path):
    """Run the first RUN instruction with the container's folders in a temporary folder."""
    source = tmp_path / "source"
    source.mkdir()
    for names, target in copied():
        for name in names:
            destination = source / name if target == "./" else source / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, destination, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, destination)
    command = next(rest for instruction, rest in BUILD if instruction == "RUN")
    assert command.startswith("pip wheel ")
    script = command.replace("pip ", f"{sys.executable} -m pip ", 1).replace(
        "/wheels", str(tmp_path / "wheels")
    )
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=source,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=patience(300),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = (tmp_path / "wheels").glob("focuswatch-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "focuswatch").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"focuswatch/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "athena_sql").rglob("*")
        if path.is_file()
    }
    assert packed == expected


def test_extras_that_the_image_installs_exist():
    """They are for S3, a deployment and the MCP server."""
    install = [rest for instruction, rest in BUILD if instruction == "RUN"][1]
    (extras,) = re.findall(r"\.whl\)\[([a-z,]+)\]", install)
    declared = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(extras.split(",")) == {"aws", "mcp"} <= set(declared)
