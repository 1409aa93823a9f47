"""Dollars a month of the deployed pipeline, from rows, accounts and runs: the table of docs/cost.md.

    python -m benchmarks.cost --rows 5e6 100e6 1e9 --accounts 100 --runs 1

Prices are list prices of us-east-1 without free tiers, each with its page. Shares of bytes are assumed;
benchmarks/athena_bytes.py measures them. Nothing here asks AWS.
"""

import argparse
from dataclasses import dataclass

from focuswatch.catalog import Catalog

DAYS = 30
GB, TB = 1e9, 1e12
BYTES_A_ROW = 100  # of Parquet; simulated bills have some 41, a real one has longer tags and texts
PERIODS_A_RUN = (
    0.67  # of a month's bill: the current month, on average half of it, and five days long the one before
)
REFRESH_SHARE = 0.80  # of a period's bytes that a refresh reads: of 60 columns those that daily_charges keeps
DETECTIONS_SHARE = 0.30  # of three months' bytes that all detections of a run read together
PAGE_SHARE = 0.10  # the same of the page's statements
TABLES_SHARE = 0.80  # the size of the tables beside that of the export
MONTHS_KEPT = 13
OLD_VERSIONS_DAYS = 7  # old_versions_days in config/deployment.toml
SECONDS_A_RUN = 600  # GB-seconds of refresh, detect, page and publish, most of them waiting for Athena
SECONDS_A_DAY = 400  # of what runs by the clock
WATCHED_AN_ACCOUNT = 5  # endpoints, collections, custom models and GPUs whose metrics are read
METRICS_A_RESOURCE = 3
FINDINGS_AN_ACCOUNT = 3
ALARMS = 38

ATHENA = "https://aws.amazon.com/athena/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
S3 = "https://aws.amazon.com/s3/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
KMS = "https://aws.amazon.com/kms/pricing/"
SNS = "https://aws.amazon.com/sns/pricing/"


@dataclass(frozen=True)
class Line:
    """What is bought: `quantity` of a unit at `price` dollars each; `grows_with` names what makes it more."""

    what: str
    quantity: float
    unit: str
    price: float
    source: str
    grows_with: str

    @property
    def dollars(self) -> float:
        """A month."""
        return self.quantity * self.price


def lines(*, rows: float, accounts: int, runs: float, detections: int) -> tuple[Line, ...]:
    """What a month of so many rows, accounts and runs a day buys."""
    month, many = rows * BYTES_A_ROW, runs * DAYS
    stored = month * (1 + TABLES_SHARE) / GB
    overwritten = OLD_VERSIONS_DAYS * runs * PERIODS_A_RUN * stored
    refresh, asked, page = (
        many * share * month / TB
        for share in (PERIODS_A_RUN * REFRESH_SHARE, 3 * DETECTIONS_SHARE, 3 * PAGE_SHARE)
    )
    metrics = 3 * detections * runs / 24 + 30 * max(runs, 2) / 24 + 2
    watched = accounts * WATCHED_AN_ACCOUNT * METRICS_A_RESOURCE * DAYS / 1000
    seconds = many * SECONDS_A_RUN + DAYS * (0.6 * accounts + SECONDS_A_DAY)
    findings = accounts * FINDINGS_AN_ACCOUNT / 1e6
    return (
        Line("Athena: the refresh, of the periods that changed", refresh, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: all detections, over three months", asked, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: the page", page, "TB", 5.0, ATHENA, "rows × runs"),
        Line("S3: a year of bills and their tables", MONTHS_KEPT * stored, "GB", 0.023, S3, "rows"),
        Line("S3: what was overwritten, for a week", overwritten, "GB", 0.023, S3, "rows × runs"),
        Line("S3: requests that write", 0.2 * many + 0.005 * accounts * DAYS, "thousand", 0.005, S3, "runs, accounts"),
        Line("alarms", ALARMS, "alarm", 0.10, CLOUDWATCH, "—"),
        Line("dashboard", 1, "dashboard", 3.0, CLOUDWATCH, "—"),
        Line("custom metrics, by the hours of use", metrics, "metric", 0.30, CLOUDWATCH, "detections × runs"),
        Line("reading what resources did (GetMetricData)", watched, "thousand", 0.01, CLOUDWATCH, "accounts"),
        Line("logs", 0.25 + 0.005 * many, "GB", 0.50, CLOUDWATCH, "runs"),
        Line("Lambda, arm64", seconds, "GB-second", 0.0000133334, LAMBDA, "runs, accounts"),
        Line("DynamoDB: written", findings * many * 1.5, "million", 0.625, DYNAMODB, "accounts × runs"),
        Line("DynamoDB: read", findings * many * 4, "million", 0.125, DYNAMODB, "accounts × runs"),
        Line("SNS and SQS", findings * 6, "million", 0.50, SNS, "accounts"),
        Line("KMS keys", 2, "key", 1.0, KMS, "—"),
    )  # fmt: skip


def main() -> None:
    """Print a line for each thing bought, a column for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", type=float, default=[5e6, 100e6, 1e9], help="a month")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--runs", type=float, default=1, help="a day")
    args = parser.parse_args()
    detections = len(Catalog.load().live)
    sizes = [
        lines(rows=rows, accounts=args.accounts, runs=args.runs, detections=detections) for rows in args.rows
    ]
    print(f"{args.accounts} accounts, {args.runs:g} runs a day, {detections} detections\n")
    heads = [f"{rows / 1e6:g} million rows" for rows in args.rows]
    print(f"| what | price | grows with | {' | '.join(heads)} |\n|---|---|---|{'---|' * len(heads)}")
    for same in zip(*sizes, strict=True):
        one, dollars = same[0], " | ".join(f"{line.dollars:.2f}" for line in same)
        print(f"| {one.what} | [{one.price:.8g} a {one.unit}]({one.source}) | {one.grows_with} | {dollars} |")
    sums = " | ".join(f"**{sum(line.dollars for line in size):.2f}**" for size in sizes)
    print(f"| **sum** | | | {sums} |")


if __name__ == "__main__":
    main()
