"""The wheel works without a checkout, with an empty home folder and an empty PATH."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.fakes.waiting import patience

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and check that it succeeds."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience(300),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built in the same way as for a release."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run(*pip, "--wheel-dir", folder, ROOT, cwd=folder, environment=dict(os.environ))
    (built,) = folder.glob("focuswatch-*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command in an environment with the wheel and its dependencies."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(environment, with_pip=True)
    pip = [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    outer_environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    run(*pip, constraints, wheel, cwd=environment, environment=outer_environment)
    return environment / "bin" / "focuswatch"


def focuswatch(installed: Path, *arguments: object, folder: Path) -> str:
    """Run the installed command in a folder, with an empty home folder and an empty PATH."""
    home = folder.parent / "home"
    for one in (folder, home):
        one.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": "", "COLUMNS": "120"}
    return run(installed, *arguments, cwd=folder, environment=environment).stdout


def test_wheel_has_the_catalog_inside_the_package(wheel):
    """It adds no other folder to site-packages, where the folder could conflict with another package."""
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"focuswatch", next(name for name in folders if name.endswith(".dist-info"))}
    source = {path.relative_to(ROOT).as_posix() for path in (ROOT / "athena_sql").rglob("*.sql")}
    assert {name.removeprefix("focuswatch/") for name in names if name.endswith(".sql")} == source


def test_installed_demo_runs_in_an_empty_folder(installed, tmp_path):
    """The demo prints findings and writes the page."""
    folder = tmp_path / "empty"
    shown = focuswatch(installed, "demo", folder=folder)
    assert "critical" in shown and "Page: file:" in shown
    assert (folder / "demo" / "page.html").stat().st_size > 100_000


def test_installed_check_names_the_checked_and_the_ignored_catalog(installed, tmp_path):
    """In a checkout, the installed command checks its own catalog and says that it does not check the checkout's."""
    checkout = tmp_path / "checkout"
    (checkout / "athena_sql" / "detections").mkdir(parents=True)
    shown = focuswatch(installed, "check", folder=checkout)
    own = (
        installed.parent.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "focuswatch"
    )
    assert f"Checked {(own / 'athena_sql').resolve()} (headers, SQL and columns only" in shown
    assert f"not the files in {checkout / 'athena_sql'}" in shown


def test_installed_mcp_without_its_extra_names_the_install_command(installed, tmp_path):
    """The error has no traceback."""
    done = subprocess.run(
        [installed, "mcp"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=patience(60),
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "focuswatch: focuswatch mcp requires the MCP library. Install the library with: pip install 'focuswatch[mcp]'\n"
    )
