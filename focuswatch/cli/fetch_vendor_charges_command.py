"""`focuswatch fetch`: fetch the charges of an AI vendor, and write them as FOCUS files."""

import os
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from focuswatch.cli.shared_option_types import DAY, parse_day


class Vendor(StrEnum):
    """Vendors with a connector, the same as in `focuswatch.connectors.supported_vendor_connectors.CONNECTORS`."""

    ANTHROPIC = "anthropic"
    COPILOT = "copilot"
    CURSOR = "cursor"
    OPENAI = "openai"


def fetch(
    vendor: Annotated[Vendor, typer.Argument(help="AI vendor to fetch charges from.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Output folder. Use a separate folder for each vendor and account.", file_okay=False
        ),
    ],
    since: Annotated[
        date | None,
        typer.Option(
            parser=parse_day,
            metavar=DAY,
            help="First day to fetch (UTC). [default: continue from the most recent day in the output folder]",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            parser=parse_day,
            metavar=DAY,
            help="Fetch charges before this date (UTC). [default: today in UTC]",
            show_default=False,
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            help="BillingAccountId of the charges; for copilot, the name of the GitHub organization. [default: the "
            "name of the vendor]",
            show_default=False,
        ),
    ] = None,
    restated_days: Annotated[
        int,
        typer.Option(help="Number of recent days to fetch again. Vendors can correct recent charges.", min=1),
    ] = 7,
    api: Annotated[
        str | None,
        typer.Option(
            help="Base URL of the vendor's API, for example the URL of a proxy. [default: the vendor's URL]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the charges of an AI vendor as FOCUS 1.2 files.

    Fetches the charges for complete days (UTC), and replaces the charges for these days in the output folder.
    The API key is read from an environment variable: ANTHROPIC_ADMIN_KEY, GITHUB_BILLING_TOKEN,
    CURSOR_ADMIN_KEY or OPENAI_ADMIN_KEY.

    \b
    focuswatch fetch openai --since 2026-11-01 --out ./openai
    focuswatch fetch openai --out ./openai
    focuswatch fetch copilot --account my-org --since 2026-11-01 --out ./copilot
    focuswatch scan ./openai
    """
    from focuswatch.connectors.fetch_and_replace_vendor_charges import fetch_vendor
    from focuswatch.connectors.store_focus_files_in_folder import FocusFolder
    from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
    from focuswatch.connectors.vendor_api import require_requests
    from focuswatch.findings.count_text import count_text
    from focuswatch.findings.replace_control_characters import visible

    require_requests()
    connector = CONNECTORS[vendor.value]
    summary = fetch_vendor(
        connector,
        api=connector.api(_key(connector.key_variable), account=account, url=api),
        files=FocusFolder(out),
        account_id=account or connector.vendor,
        since=since,
        until=until or datetime.now(UTC).date(),
        restated_days=restated_days,
    )
    for note in summary.notes:
        typer.echo(f"Note: {visible(note)}", err=True)
    total = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(summary.totals.items()))
    last = date.fromordinal(summary.until.toordinal() - 1)
    typer.echo(
        f"{connector.vendor}, {summary.first} to {last}: {count_text(summary.rows, 'charge')}, "
        f"{total or 'no cost'}"
    )
    typer.echo(f"Files: {out}")


def _key(variable: str) -> str:
    from focuswatch.connectors.parse_vendor_api_key import checked_key
    from focuswatch.errors import ConfigError

    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"The environment variable {variable} is not set. Set {variable} to your API key for the vendor"
        )
    return checked_key(key, source=variable)
