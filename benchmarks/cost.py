"""Dollars a month of the deployed pipeline, from rows, accounts and runs: the table of docs/cost.md.

    python -m benchmarks.cost --rows 5e6 100e6 1e9 --accounts 100 --runs 1

Prices are list prices of us-east-1, each with its page; the second of two columns is what is left after what AWS gives
every account for ever (https://aws.amazon.com/free/). Shares of bytes are measured by benchmarks/athena_bytes.py on a
simulated bill of 90 days, the page's alone is assumed. Nothing here asks AWS.
"""

import argparse
from dataclasses import dataclass

DAYS = 30
GB, TB = 1e9, 1e12
# Of Parquet, of a simulated daily bill; a real one with longer tags and texts may have twice as many.
BYTES_A_ROW = 48
# Of a month's bill: the current month, on average half of it, and five days long the one before.
PERIODS_A_RUN = 0.67
# Of a period's bytes, what its refresh reads: 0.8 of the export once, the rest of what it made of it.
REFRESH_SHARE = 3.1
# What all detections of a run read together where owners.toml names no resources: for each row of three months of daily
# bill, and whatever the rows; that grows with accounts and services.
DETECTIONS_BYTES_A_ROW, DETECTIONS_BYTES = 48, 73e6
PAGE_SHARE = 0.10  # of three months' bytes that the page's statements read: assumed
TABLES_SHARE = 0.93  # the size of the tables beside that of the export
OLD_VERSIONS_DAYS = 3  # old_versions_days in config/deployment.toml
TABLES_VERSIONS_DAYS = 2  # the folder before stays for a day, and for another once deleted: infra/bucket.py
# Months of the export by how long nobody read them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
READ_MONTHS, UNREAD_MONTHS, LONG_UNREAD_MONTHS = 1.5, 2, 9  # the current one is half there; 13 in all
BYTES_A_FILE = 50e6
SECONDS_A_RUN = 600  # GB-seconds of refresh, detect, page and publish, most of them waiting for Athena
SECONDS_A_DAY = 400  # of what runs by the clock
WATCHED_AN_ACCOUNT = 5  # endpoints, collections, custom models and GPUs whose metrics are read
METRICS_A_RESOURCE = 3
FINDINGS_AN_ACCOUNT = 3
DETECTIONS = 23  # for which docs/cost.md is computed; each further one adds three custom metrics
ALARM_METRICS = 29  # with Slack and Jira; an alarm over two metrics is two
KEYS = 2

ATHENA = "https://aws.amazon.com/athena/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
S3 = "https://aws.amazon.com/s3/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
KMS = "https://aws.amazon.com/kms/pricing/"
SNS = "https://aws.amazon.com/sns/pricing/"


@dataclass(frozen=True)
class Line:
    """What is bought: `quantity` of a unit at `price` dollars each; `grows_with` names what makes it more.

    `free` is what every account has of it each month, on the same page as the price.
    """

    what: str
    quantity: float
    unit: str
    price: float
    source: str
    grows_with: str
    free: float = 0

    @property
    def dollars(self) -> float:
        """A month, at list price."""
        return self.quantity * self.price

    @property
    def dollars_left(self) -> float:
        """A month, where nothing else uses up what is free."""
        return max(self.quantity - self.free, 0) * self.price


def lines(*, rows: float, accounts: int, runs: float, detections: int) -> tuple[Line, ...]:
    """What a month of so many rows, accounts and runs a day buys."""
    return (
        *read(rows=rows, runs=runs),
        *stored(rows=rows, accounts=accounts, runs=runs),
        *watched(accounts=accounts, runs=runs, detections=detections),
        *worked(accounts=accounts, runs=runs),
    )


def read(*, rows: float, runs: float) -> tuple[Line, ...]:
    """What Athena scans."""
    many, month = runs * DAYS / TB, rows * BYTES_A_ROW
    refresh = many * PERIODS_A_RUN * REFRESH_SHARE * month
    asked = many * (3 * rows * DETECTIONS_BYTES_A_ROW + DETECTIONS_BYTES)
    page = many * 3 * PAGE_SHARE * month
    return (
        Line("Athena: the refresh, of the periods that changed", refresh, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: all detections, over three months", asked, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: the page", page, "TB", 5.0, ATHENA, "rows × runs"),
    )


def stored(*, rows: float, accounts: int, runs: float) -> tuple[Line, ...]:
    """What S3 keeps: 13 months of bills, the tables made of them, and what was overwritten."""
    month = rows * BYTES_A_ROW / GB
    tables = (READ_MONTHS + UNREAD_MONTHS + LONG_UNREAD_MONTHS) * month * TABLES_SHARE
    changed = runs * PERIODS_A_RUN * month
    overwritten = changed * (OLD_VERSIONS_DAYS + TABLES_VERSIONS_DAYS * TABLES_SHARE)
    files = DAYS * changed * GB / BYTES_A_FILE / 1000
    written = DAYS * (0.2 * runs + 0.005 * accounts)
    return (
        Line("S3: bills of the last weeks", READ_MONTHS * month, "GB", 0.023, S3, "rows"),
        Line("S3: bills nobody read for 30 days", UNREAD_MONTHS * month, "GB", 0.0125, S3, "rows"),
        Line("S3: bills nobody read for 90 days", LONG_UNREAD_MONTHS * month, "GB", 0.004, S3, "rows"),
        Line("S3: the tables made of them", tables, "GB", 0.023, S3, "rows"),
        Line("S3: what was overwritten", overwritten, "GB", 0.023, S3, "rows × runs"),
        Line("S3: files moved to Intelligent-Tiering", files, "thousand", 0.01, S3, "rows × runs"),
        Line("S3: requests that write", written, "thousand", 0.005, S3, "runs, accounts"),
    )  # fmt: skip


def watched(*, accounts: int, runs: float, detections: int) -> tuple[Line, ...]:
    """What CloudWatch and KMS charge for."""
    metrics = 3 * detections * runs / 24 + 30 * max(runs, 2) / 24 + 2
    asked = accounts * WATCHED_AN_ACCOUNT * METRICS_A_RESOURCE * DAYS / 1000
    return (
        Line("alarms, by the metrics they look at", ALARM_METRICS, "metric", 0.10, CLOUDWATCH, "—", free=10),
        Line("dashboard, of up to 50 metrics", 1, "dashboard", 3.0, CLOUDWATCH, "—", free=3),
        Line("custom metrics, by the hours of use", metrics, "metric", 0.30, CLOUDWATCH, "detections × runs", free=10),
        Line("reading what resources did (GetMetricData)", asked, "thousand", 0.01, CLOUDWATCH, "accounts"),
        Line("logs", 0.25 + 0.005 * runs * DAYS, "GB", 0.50, CLOUDWATCH, "runs", free=5),
        Line("KMS keys", KEYS, "key", 1.0, KMS, "—"),
    )  # fmt: skip


def worked(*, accounts: int, runs: float) -> tuple[Line, ...]:
    """What runs, remembers and tells."""
    many, findings = runs * DAYS, accounts * FINDINGS_AN_ACCOUNT / 1e6
    seconds = many * SECONDS_A_RUN + DAYS * (0.6 * accounts + SECONDS_A_DAY)
    return (
        Line("Lambda, arm64", seconds, "GB-second", 0.0000133334, LAMBDA, "runs, accounts", free=400_000),
        Line("DynamoDB: written", findings * many * 1.5, "million", 0.625, DYNAMODB, "accounts × runs"),
        Line("DynamoDB: read", findings * many * 4, "million", 0.125, DYNAMODB, "accounts × runs"),
        Line("SNS and SQS", findings * 6, "million", 0.50, SNS, "accounts", free=1),
    )


def table(*, rows: list[float], accounts: int, runs: float) -> str:
    """A line for each thing bought, two columns for each size."""
    sizes = [lines(rows=one, accounts=accounts, runs=runs, detections=DETECTIONS) for one in rows]
    heads = " | ".join(f"{one / 1e6:g} million rows | left" for one in rows)
    found = [
        f"{accounts} accounts, {runs:g} {'run' if runs == 1 else 'runs'} a day, {DETECTIONS} detections\n",
        f"| what | price | grows with | {heads} |",
        f"|---|---|---|{'---|---|' * len(rows)}",
    ]
    for same in zip(*sizes, strict=True):
        one, dollars = same[0], " | ".join(f"{line.dollars:.2f} | {line.dollars_left:.2f}" for line in same)
        price = f"[{one.price:.8g} a {one.unit}]({one.source})"
        found.append(f"| {one.what} | {price} | {one.grows_with} | {dollars} |")
    sums = (
        f"**{sum(x.dollars for x in size):.2f}** | **{sum(x.dollars_left for x in size):.2f}**"
        for size in sizes
    )
    return "\n".join([*found, f"| **sum** | | | {' | '.join(sums)} |"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", type=float, default=[5e6, 100e6, 1e9], help="a month")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--runs", type=float, default=1, help="a day")
    args = parser.parse_args()
    print(table(rows=args.rows, accounts=args.accounts, runs=args.runs))


if __name__ == "__main__":
    main()
