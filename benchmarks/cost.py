"""Compute the monthly cost of a deployment from rows, accounts and runs: the table of docs/cost.md.

    python -m benchmarks.cost --rows 5e6 100e6 1e9 --accounts 100 --runs 1
    python -m benchmarks.cost --spend-rate 10 100 1000

Prices are list prices of us-east-1, each with its source; the second of two columns is the cost after the free tier
that every account keeps (https://aws.amazon.com/free/). Shares of bytes are measured by benchmarks/athena_bytes.py on
a simulated bill of 90 days, except the page's, which is assumed. The script makes no AWS calls.
"""

import argparse
from dataclasses import dataclass

from focuswatch.bill.refresh.write_athena_period_charges_to_new_folder import MOST_SORTED_BYTES
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES

DAYS = 30
GB, TB = 1e9, 1e12
# In Parquet, measured on a simulated daily bill; a real bill with longer tags and texts may have twice as many.
BYTES_A_ROW = 48
# Months of bill that a run refreshes: on average half of the current month, and for five days the previous month.
PERIODS_A_RUN = 0.67
PAGE_SHARE = 0.10  # share of three months' bytes that the page reads; assumed
OLD_VERSIONS_DAYS = 3  # old_versions_days in config/deployment.toml
# A table's previous folder is deleted after a day, and its versions after another day: infra/data_bucket.py.
TABLES_VERSIONS_DAYS = 2
# Months of the export, 13 in all, by the time since they were last read; READ_MONTHS has half of the current month.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
READ_MONTHS, UNREAD_MONTHS, LONG_UNREAD_MONTHS = 1.5, 2, 9
BYTES_A_FILE = 50e6
SECONDS_A_RUN = 600  # GB-seconds of refresh, detect, page and publish; most of the time they wait for Athena
SECONDS_A_DAY = 400  # GB-seconds of the scheduled functions
WATCHED_AN_ACCOUNT = 5  # endpoints, collections, custom models and GPUs whose metrics are read
METRICS_A_RESOURCE = 3
MODELS_AN_ACCOUNT = 4  # Bedrock models and inference profiles called in an average account
# Metrics of a model with datapoints in the last two weeks, of the seven in
# focuswatch/collect/list_called_bedrock_models_from_cloudwatch.py.
METRICS_A_MODEL = 5
# ListMetrics requests per Region of an account: for called models, and for the existing resources.
LISTS_A_REGION = 3
TOKEN_METRICS_A_MODEL = 4  # of models called in the last three hours: focuswatch/collect/token_hours.py
REGIONS = 4  # in config/deployment.toml
HOURS = 24 * DAYS
HOURLY_BYTES = 50e6  # bytes of small tables that live_burn reads; assumed, with Athena's minimum of 10 MB
FINDINGS_AN_ACCOUNT = 3
DETECTIONS = 35  # as in docs/cost.md; each further one adds a statement
ALARM_METRICS = 29  # with Slack and Jira; an alarm on two metrics counts twice
CUSTOM_METRICS = 12  # with Slack and Jira; only `publish` writes its metric in every hour
FETCH_ALARM_METRICS = 2  # with connectors: dead letters and missed runs of the function `fetch`
EVENTS_ALARM_METRICS = 1  # errors of the function `events`
BILLS_ALARM_METRICS = 2  # with bills or connectors: dead letters and missed runs of the function `bills`
HOURLY_ALARM_METRICS = 2  # dead letters and missed runs of the function `hourly`
CHANNEL_ALARM_METRICS = 3  # of each further channel: its dead letters, and its queue if it does not empty
KEYS = 1  # for one account in us-east-1; a payer stack in another account or Region has its own key
LEAST_BYTES = 10e6  # Athena's minimum per statement: https://aws.amazon.com/athena/pricing/
# Statements per billing period: the raw export, the check of the result, and the small tables. ai_charges needs none,
# because it is a folder of the charges.
PERIOD_STATEMENTS = 2 + len(KEPT_TABLES) - 1
SCAN_STATEMENTS = 16  # of a scan, besides one per detection: coverage, explanations, events, forecasts
PAGE_STATEMENTS = 27

ATHENA = "https://aws.amazon.com/athena/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
LAMBDA = "https://aws.amazon.com/lambda/pricing/"
S3 = "https://aws.amazon.com/s3/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
KMS = "https://aws.amazon.com/kms/pricing/"
SNS = "https://aws.amazon.com/sns/pricing/"


@dataclass(frozen=True)
class TableBytes:
    """Bytes of the tables, and bytes that statements read from them.

    `refresh`: bytes that a refresh reads, as a multiple of the period's export; it reads 0.56 of the export, and the
    rest from its own result. `stored`: size of the tables, as a share of the export's. `detections`: bytes that all
    detections of a run read per row of three months of a daily bill, if owners.toml names no resources; 15 are for the
    cost drivers of cost anomalies, the rest for recommendations. Statements whose bytes do not grow with rows read less
    than 10 MB, and are covered by LEAST_BYTES.
    """

    refresh: float
    stored: float
    detections: float


SORTED = TableBytes(refresh=1.72, stored=0.52, detections=17.5)
# For billing periods above MOST_SORTED_BYTES; from an earlier measurement that included ListCost and ContractedCost.
UNSORTED = TableBytes(refresh=2.03, stored=0.73, detections=23.4)


def bytes_of_tables(*, month: float) -> TableBytes:
    """Return the bytes of the tables for an export of `month` bytes per month."""
    return SORTED if month <= MOST_SORTED_BYTES else UNSORTED


@dataclass(frozen=True)
class Line:
    """An item of the table: `quantity` of a unit at `price` dollars each; `grows_with` is what increases it.

    `free` is the monthly free tier of every account, on the same page as the price.
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
        """Return USD/month at list price."""
        return self.quantity * self.price

    @property
    def dollars_left(self) -> float:
        """Return USD/month after the free tier, if nothing else in the account uses the free tier."""
        return max(self.quantity - self.free, 0) * self.price


def lines(*, rows: float, accounts: int, runs: float, detections: int) -> tuple[Line, ...]:
    """Return the items for `rows` rows per month, `accounts` accounts and `runs` runs per day."""
    return (
        *read(rows=rows, runs=runs, detections=detections),
        *stored(rows=rows, accounts=accounts, runs=runs),
        *watched(accounts=accounts, runs=runs),
        *worked(accounts=accounts, runs=runs),
    )


def read(*, rows: float, runs: float, detections: int) -> tuple[Line, ...]:
    """Return the items for bytes scanned by Athena; `least` are the minimum bytes that Athena bills.

    The minimum is added for every statement, although Athena does not add it if a statement reads more. So the sum is
    up to 10 MB per statement too high.
    """
    many, month = runs * DAYS / TB, rows * BYTES_A_ROW
    statements = PERIODS_A_RUN * PERIOD_STATEMENTS + detections + SCAN_STATEMENTS + PAGE_STATEMENTS
    least = many * LEAST_BYTES * statements
    tables = bytes_of_tables(month=month)
    refresh = many * PERIODS_A_RUN * tables.refresh * month
    scans = many * 3 * rows * tables.detections
    page = many * 3 * PAGE_SHARE * month
    return (
        Line("Athena: refresh of changed billing periods", refresh, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: all detections (three months of charges)", scans, "TB", 5.0, ATHENA, "rows × runs"),
        Line("Athena: report page", page, "TB", 5.0, ATHENA, "rows × runs"),
        Line(
            f"Athena: minimum of 10 MB for each of {statements:.0f} statements",
            least,
            "TB",
            5.0,
            ATHENA,
            "detections × runs",
        ),
    )


def stored(*, rows: float, accounts: int, runs: float) -> tuple[Line, ...]:
    """Return the items for S3: 13 months of bills, the tables, and overwritten versions."""
    month = rows * BYTES_A_ROW / GB
    share = bytes_of_tables(month=month * GB).stored
    tables = (READ_MONTHS + UNREAD_MONTHS + LONG_UNREAD_MONTHS) * month * share
    changed = runs * PERIODS_A_RUN * month
    overwritten = changed * (OLD_VERSIONS_DAYS + TABLES_VERSIONS_DAYS * share)
    files = DAYS * changed * GB / BYTES_A_FILE / 1000
    written = DAYS * (0.2 * runs + 0.005 * accounts)
    return (
        Line("S3: export files read in the last 30 days", READ_MONTHS * month, "GB", 0.023, S3, "rows"),
        Line("S3: export files not read for 30 days", UNREAD_MONTHS * month, "GB", 0.0125, S3, "rows"),
        Line("S3: export files not read for 90 days", LONG_UNREAD_MONTHS * month, "GB", 0.004, S3, "rows"),
        Line("S3: tables", tables, "GB", 0.023, S3, "rows"),
        Line("S3: old versions of overwritten files", overwritten, "GB", 0.023, S3, "rows × runs"),
        Line("S3: files moved to Intelligent-Tiering", files, "1,000 transitions", 0.01, S3, "rows × runs"),
        Line("S3: write requests", written, "1,000 requests", 0.005, S3, "runs, accounts"),
    )  # fmt: skip


def watched(*, accounts: int, runs: float) -> tuple[Line, ...]:
    """Return the items for CloudWatch and KMS."""
    metrics = 1 + (CUSTOM_METRICS - 1) * max(runs, 2) / 24
    metrics_a_day = WATCHED_AN_ACCOUNT * METRICS_A_RESOURCE + MODELS_AN_ACCOUNT * METRICS_A_MODEL
    requests = accounts * metrics_a_day * DAYS / 1000
    lists = accounts * REGIONS * LISTS_A_REGION * DAYS / 1000
    return (
        Line("alarm metrics", ALARM_METRICS, "metric", 0.10, CLOUDWATCH, "—", free=10),
        Line("dashboard with up to 50 metrics", 1, "dashboard", 3.0, CLOUDWATCH, "—", free=3),
        Line("custom metrics, billed by the hour", metrics, "metric", 0.30, CLOUDWATCH, "runs", free=10),
        Line("reading resource metrics (GetMetricData)", requests, "1,000 metrics", 0.01, CLOUDWATCH, "accounts"),
        Line("listing metrics (ListMetrics)", lists, "1,000 requests", 0.01, CLOUDWATCH, "accounts", free=1000),
        Line("logs", 0.25 + 0.005 * runs * DAYS, "GB", 0.50, CLOUDWATCH, "runs", free=5),
        Line("KMS keys", KEYS, "key", 1.0, KMS, "—"),
    )  # fmt: skip


def worked(*, accounts: int, runs: float) -> tuple[Line, ...]:
    """Return the items for Lambda, DynamoDB, SNS and SQS."""
    many, findings = runs * DAYS, accounts * FINDINGS_AN_ACCOUNT / 1e6
    seconds = many * SECONDS_A_RUN + DAYS * (0.6 * accounts + SECONDS_A_DAY)
    return (
        Line("Lambda, arm64", seconds, "GB-second", 0.0000133334, LAMBDA, "runs, accounts", free=400_000),
        Line("DynamoDB: writes", findings * many * 1.5, "million writes", 0.625, DYNAMODB, "accounts × runs"),
        Line("DynamoDB: reads", findings * many * 4, "million reads", 0.125, DYNAMODB, "accounts × runs"),
        Line("SNS and SQS", findings * 6, "million requests", 0.50, SNS, "accounts", free=1),
    )


def hourly(*, accounts: int) -> tuple[Line, ...]:
    """Return the items for the current spend rate ([spend_rate]), if every model is called in every hour."""
    read = accounts * MODELS_AN_ACCOUNT * TOKEN_METRICS_A_MODEL * HOURS / 1000
    lists = accounts * REGIONS * HOURS / 1000
    seconds = HOURS * 1.769 * (20 + accounts * REGIONS * 0.2 / 16)
    return (
        Line("reading hourly token metrics (GetMetricData)", read, "1,000 metrics", 0.01, CLOUDWATCH, "models"),
        Line("listing active metrics (ListMetrics)", lists, "1,000 requests", 0.01, CLOUDWATCH, "accounts", free=1000),
        Line("Athena: detection `live_burn`", HOURS * HOURLY_BYTES / TB, "TB", 5.0, ATHENA, "AI charges"),
        Line("Lambda, arm64", seconds, "GB-second", 0.0000133334, LAMBDA, "accounts", free=400_000),
        Line("S3: write requests", HOURS * 3 / 1000, "1,000 requests", 0.005, S3, "—"),
        Line("alarm metrics", HOURLY_ALARM_METRICS, "metric", 0.10, CLOUDWATCH, "—"),
        Line("custom metrics, billed by the hour", 1, "metric", 0.30, CLOUDWATCH, "—"),
    )  # fmt: skip


def hourly_table(accounts: list[int]) -> str:
    """Return the table of the current spend rate, with two columns for each number of accounts."""
    return _table([hourly(accounts=count) for count in accounts], [f"{count} accounts" for count in accounts])


def table(*, rows: list[float], accounts: int, runs: float) -> str:
    """Return the table with a row for each item and two columns for each size."""
    sizes = [lines(rows=size, accounts=accounts, runs=runs, detections=DETECTIONS) for size in rows]
    title = (
        f"USD/month with {accounts} accounts, {runs:g} {'run' if runs == 1 else 'runs'} per day and "
        f"{DETECTIONS} detections:\n"
    )
    return f"{title}\n{_table(sizes, [f'{size / 1e6:g} million rows' for size in rows])}"


def _table(sizes: list[tuple[Line, ...]], heads: list[str]) -> str:
    table_lines = [
        f"| item | price, USD | grows with | {' | '.join(f'{head} | after free tier' for head in heads)} |",
        f"|---|---|---|{'---|---|' * len(heads)}",
    ]
    for same in zip(*sizes, strict=True):
        item, dollars = same[0], " | ".join(f"{line.dollars:.2f} | {line.dollars_left:.2f}" for line in same)
        price = f"[{_decimal(item.price)} per {item.unit}]({item.source})"
        table_lines.append(f"| {item.what} | {price} | {item.grows_with} | {dollars} |")
    sums = (
        f"**{sum(item.dollars for item in size):.2f}** | **{sum(item.dollars_left for item in size):.2f}**"
        for size in sizes
    )
    return "\n".join([*table_lines, f"| **total** | | | {' | '.join(sums)} |"])


def _decimal(price: float) -> str:
    """Return a price without an exponent and without trailing zeros."""
    return f"{price:.10f}".rstrip("0").rstrip(".")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", type=float, default=[5e6, 100e6, 1e9], help="per month")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--runs", type=float, default=1, help="per day")
    parser.add_argument("--spend-rate", nargs="+", type=int, help="accounts: only the current spend rate")
    args = parser.parse_args()
    if args.spend_rate:
        print(hourly_table(args.spend_rate))
        return
    print(table(rows=args.rows, accounts=args.accounts, runs=args.runs))


if __name__ == "__main__":
    main()
