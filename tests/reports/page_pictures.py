"""Update the screenshots in docs/pictures from a page: `python -m tests.reports.page_pictures demo/page.html`."""

import sys
from pathlib import Path

from tests.fakes.local_browser import browser

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
# Name, color scheme, width, height, and the section to scroll to; "" is the top of the page.
VIEWS = (
    ("page-light", "light", 1200, 1000, ""),
    ("page-finding", "light", 1200, 760, "waste"),
    ("page-portfolio", "light", 1200, 620, "portfolio"),
)


def take_screenshots(address: str) -> None:
    """Write a screenshot of each view."""
    with browser() as chromium:
        for name, scheme, width, height, section in VIEWS:
            page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            if section == "waste":
                page.locator(f"#{section} .finding summary").first.click()
            if section:
                page.evaluate(f"document.getElementById('{section}').scrollIntoView()")
            page.screenshot(path=PICTURES / f"{name}.png")
            page.close()


if __name__ == "__main__":
    take_screenshots(Path(sys.argv[1]).resolve().as_uri())
