"""What is deployed where: `config/deployment.toml`, and the names that follow from it.

The stacks, `focuswatch doctor` and the documentation read names here and nowhere else, so that a stack in
one account can speak of what another account holds. It knows no CDK and asks AWS nothing.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.catalog.toml_text import parse_toml
from focuswatch.errors import ConfigError

PAYER_REGION = (
    "us-east-1"  # exports are made there alone: https://docs.aws.amazon.com/general/latest/gr/billing.html
)
FUNCTIONS = ("refresh", "collect", "detect", "publish", "page", "spending", "pulse")  # whatever is configured
SLACK_FUNCTIONS = ("slack", "answer", "record", "weekly")
JIRA_FUNCTIONS = ("jira", "sweep")
QUEUE_FED = ("spending", "slack", "record", "jira")  # each works through a queue of its own
RUN_STATEMENTS = (
    "refresh",
    "detect",
    "page",
    "weekly",
)  # and so read the Glue tables; refresh changes them too
EVENT_SOURCE = "focuswatch"  # of our events on the bus
ONE_AT_A_TIME = (
    "refresh",
    "detect",
    "publish",
    "page",
)  # each run holds a lease: focuswatch/operations/function_lease.py
# Regions of AWS's other partitions, whose ARNs, services and prices differ:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
OTHER_PARTITION = re.compile(r"^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-")
# Roles that AWS or its landing zones create with administrator access, and names that say so:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
ADMINISTRATOR = re.compile(
    r"admin|poweruser|OrganizationAccountAccess|AWSControlTower|^AWSReservedSSO|StackSetExecution|^cdk-",
    re.IGNORECASE,
)
# What config/deployment.toml is shipped with and nobody can deploy; `placeholders` refuses it.
SHIPPED_ACCOUNT, SHIPPED_ORGANISATION, SHIPPED_ROOT = "123456789012", "o-a1b2c3d4e5", "r-ab12"
SHIPPED_EXTERNAL_ID = "change-me-to-something-long"

AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d$")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Hour = Annotated[int, Field(ge=0, le=23)]
Money = Annotated[
    Decimal, Field(gt=0, le=Decimal("1e15"), decimal_places=12)
]  # CloudFormation takes a double
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_Export.html
ExportName = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,128}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,20}[a-z0-9]$")]
# https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
Database = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,254}$")]
# Names as Secrets Manager takes them; anything else, such as a wildcard, would end up in the policies that name them.
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@-]{0,512}$")]
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AnomalyMonitor.html
MonitorArn = Annotated[str, Field(pattern=r"^(arn:aws:ce::\d{12}:anomalymonitor/[0-9A-Za-z-]{1,64})?$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https://[0-9A-Za-z.-]+(:\d+)?/[^\s*?${}]*$")]
# The days CloudWatch Logs knows: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganizationConfig(_Section):
    """Whose bill it is. `ous` are the OUs (or the root) whose accounts get the member role.

    `member_stack` is the account that deploys the StackSet: the management account, or the pipeline's as delegated
    administrator. `https_endpoints` begin the addresses that accounts of the organisation may subscribe to topics.
    """

    id: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")]
    ous: list[Annotated[str, Field(pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$")]]
    pipeline_is_delegated_administrator: bool = False
    member_stack: Literal["management", "delegated-administrator"] = "management"
    https_endpoints: list[HttpsUrl] = []


class Accounts(_Section):
    """Who holds what; `payer` and `pipeline` may be one account. `region` is the pipeline's."""

    payer: AccountId
    pipeline: AccountId
    region: Region


class ExportConfig(_Section):
    """The FOCUS export."""

    name: ExportName
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$")]
    grain: Literal["DAILY", "HOURLY"] = "DAILY"
    first_month: Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] = "2024-01"


class Athena(_Section):
    """Where statements run; none may scan more than `scan_limit_gib`.

    `lake_formation` grants the functions their tables in Lake Formation, where that governs new databases.
    """

    database: Database = "focuswatch"
    workgroup: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,128}$")] = "focuswatch"
    scan_limit_gib: Annotated[int, Field(ge=1)] = 100
    lake_formation: bool = False


class Schedules(_Section):
    """When the clock calls, in hours UTC; the manifest's arrival sets `refresh` off besides."""

    collect_hours: list[Hour] = Field(default=[4], min_length=1)
    refresh_hours: list[Hour] = Field(default=[6], min_length=1)
    publish_minutes: Annotated[int, Field(ge=5, le=59)] = 15
    pulse_hour: Hour = 8
    weekly_day: Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] = "MON"


class Collector(_Section):
    """How activity is read: the role assumed in every account, and the regions looked at."""

    regions: list[Region] = Field(min_length=1)
    member_role: Annotated[str, Field(pattern=r"^[0-9A-Za-z_+=,.@-]{1,64}$")] = "focuswatch-member"
    external_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_+=,.@:/-]{8,128}$")]


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class BudgetsConfig(_Section):
    """Budgets of the payer; `emails` hear of them besides the topic `spending`. Amounts are USD a month.

    `currency` is what AWS Budgets takes in the payer's account; whatever is in another currency is converted to it.
    """

    opensearch_serverless_usd: Money = Decimal(50)
    ai_usd: Money
    ai_services: list[str] = Field(min_length=1)
    count_all_marketplace: bool = False
    approved_regions: list[Region] = Field(min_length=1)
    emails: list[Email] = Field(default=[], max_length=10)
    currency: CurrencyCode = "USD"


class Anomalies(_Section):
    """AWS's own anomaly detection. An account can have one monitor of AWS services, and most have it from the start:
    a second one fails the deployment, so an existing one is named and only subscribed to.
    """

    account_has_monitor: bool
    monitor_arn: MonitorArn = ""
    least_impact_usd: Money = Decimal(100)


class Secrets(_Section):
    """Names in Secrets Manager, never their values; empty: not used."""

    slack: SecretName = ""
    jira: SecretName = ""


class Alarms(_Section):
    """Who hears when focuswatch itself is ill, and how old its data may grow."""

    emails: list[Email] = []
    data_age_hours: Annotated[int, Field(ge=24)] = 48


class RetentionConfig(_Section):
    """For how many days things are kept."""

    athena_results_days: Annotated[int, Field(ge=1)] = 7
    old_versions_days: Annotated[int, Field(ge=1)] = 3
    intelligent_tiering: bool = True
    log_days: LogDays = 90


class FunctionsConfig(_Section):
    """The Lambdas' surroundings; `sdk_for_pandas` is the version of AWS's public layer."""

    sdk_for_pandas: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "3.16.0"
    powertools: Annotated[str, Field(pattern=r"^(latest|\d+\.\d+\.\d+)$")] = "latest"
    reserve_concurrency: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Deployment(_Section):
    """The whole of `deployment.toml`, and what everything is called."""

    name: Name = "focuswatch"
    billing_currency: CurrencyCode = "USD"
    organisation: OrganizationConfig
    accounts: Accounts
    export: ExportConfig
    athena: Athena = Athena()
    schedules: Schedules = Schedules()
    collector: Collector
    budgets: BudgetsConfig
    anomalies: Anomalies
    secrets: Secrets = Secrets()
    alarms: Alarms = Alarms()
    keep: RetentionConfig = RetentionConfig()
    functions: FunctionsConfig = FunctionsConfig()
    tags: dict[str, Annotated[str, Field(max_length=256)]] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `path` says. Raises ConfigError naming every mistake with the file and its key."""
        try:
            given = parse_toml(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
        except ValueError as error:  # UnicodeDecodeError too
            raise ConfigError(f"{path} is not TOML: {error}.") from error
        try:
            deployment = cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError("\n".join(f"{path}: {line}" for line in _lines(error))) from error
        if mistakes := list(deployment.mistakes()):
            raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
        return deployment

    def mistakes(self) -> Iterator[str]:
        """Return a sentence for each mistake that only the whole file shows."""
        if not self.organisation.ous:
            yield "organisation.ous: found none, expected the root (r-…) or the OUs whose accounts are looked at."
        if PAYER_REGION not in self.budgets.approved_regions:
            yield f"budgets.approved_regions: add {PAYER_REGION}; what AWS bills worldwide is charged there."
        if len(self.bucket) > 63:
            yield f"name: the bucket '{self.bucket}' would be longer than the 63 letters S3 allows; shorten it."
        for key in self.tags:
            if key.lower().startswith("aws:") or len(key) > 128:
                yield f"tags.{key}: expected a key of at most 128 letters that does not begin with aws:."
        yield from self._mistakes_of_prefix()
        yield from self._mistakes_of_roles()
        yield from self._mistakes_of_monitor()
        yield from self._other_partitions()

    def _mistakes_of_prefix(self) -> Iterator[str]:
        prefix = self.export.prefix
        if prefix.split("/")[0] in ("tables", "athena-results", "page"):
            yield f"export.prefix: found '{prefix}', which focuswatch writes to itself; take another."
        if any(part.startswith(".") for part in prefix.split("/")):
            yield (
                f"export.prefix: found '{prefix}', expected folders that do not begin with a dot: "
                "tools that copy from S3 resolve or hide them."
            )

    def _mistakes_of_roles(self) -> Iterator[str]:
        role = self.collector.member_role
        if ADMINISTRATOR.search(role):
            yield (
                f"collector.member_role: found '{role}', an administrator role by its name; "
                "focuswatch creates a role of its own that only reads, so name one that does not exist yet."
            )
        if self.organisation.member_stack == "delegated-administrator" and self.is_one_account:
            yield (
                "organisation.member_stack: payer and pipeline are one account, which is no delegated administrator; "
                'write "management".'
            )

    def _mistakes_of_monitor(self) -> Iterator[str]:
        arn = self.anomalies.monitor_arn
        if arn and not self.anomalies.account_has_monitor:
            yield (
                "anomalies.monitor_arn: names a monitor, while account_has_monitor = false creates one; "
                "keep one of the two."
            )
        elif arn and arn.split(":")[4] != self.accounts.payer:
            yield (
                f"anomalies.monitor_arn: found a monitor of account {arn.split(':')[4]}, "
                f"expected one of the payer, {self.accounts.payer}."
            )

    def _other_partitions(self) -> Iterator[str]:
        named = [self.accounts.region, *self.collector.regions, *self.budgets.approved_regions]
        if others := sorted({one for one in named if OTHER_PARTITION.match(one)}):
            yield (
                f"accounts, collector, budgets: {', '.join(others)} {'is' if len(others) == 1 else 'are'} in another "
                "partition than aws, where focuswatch cannot be deployed; use regions of the aws partition."
            )

    def placeholders(self) -> Iterator[str]:
        """Values of the shipped file that are only examples; they load, and no stack is made of them."""
        for key, found in (("payer", self.accounts.payer), ("pipeline", self.accounts.pipeline)):
            if found == SHIPPED_ACCOUNT:
                yield f"accounts.{key}: '{found}' is the shipped example; write your own account's id."
        if self.organisation.id == SHIPPED_ORGANISATION:
            yield (
                f"organisation.id: '{self.organisation.id}' is the shipped example; "
                "aws organizations describe-organization shows yours."
            )
        if SHIPPED_ROOT in self.organisation.ous:
            yield (
                f"organisation.ous: '{SHIPPED_ROOT}' is the shipped example; "
                "aws organizations list-roots shows yours."
            )
        if self.collector.external_id == SHIPPED_EXTERNAL_ID:
            yield (
                "collector.external_id: the shipped example is public; write a random one, such as "
                "`openssl rand -hex 16` prints."
            )
        if self.anomalies.account_has_monitor and not self.anomalies.monitor_arn:
            yield (
                "anomalies.monitor_arn: is empty, so AWS's anomalies would never arrive; write the ARN that "
                "`aws ce get-anomaly-monitors` shows, or account_has_monitor = false where it shows none."
            )

    @property
    def is_one_account(self) -> bool:
        """Whether the payer runs the pipeline itself."""
        return self.accounts.payer == self.accounts.pipeline

    @property
    def bucket(self) -> str:
        """The data bucket; its name is known before it exists, since the payer's export names it."""
        return f"{self.name}-{self.accounts.pipeline}-{self.accounts.region}"

    @property
    def export_path(self) -> str:
        """The key prefix under which the export delivers, without a slash at its end."""
        return f"{self.export.prefix}/{self.export.name}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The functions that are deployed: those of a channel only where it has a secret."""
        slack = SLACK_FUNCTIONS if self.secrets.slack else ()
        return (*FUNCTIONS, *slack, *(JIRA_FUNCTIONS if self.secrets.jira else ()))

    @property
    def daily(self) -> tuple[str, ...]:
        """Functions that run every day, whatever happens."""
        return tuple(kind for kind in self.kinds if kind not in (*QUEUE_FED, "answer", "weekly"))

    @property
    def unattended(self) -> tuple[str, ...]:
        """Functions that nobody waits for: what they could not do is kept in a queue."""
        return tuple(kind for kind in self.kinds if kind != "answer")

    @property
    def ledger(self) -> str:
        """The DynamoDB table."""
        return f"{self.name}-ledger"

    def function(self, kind: str) -> str:
        """The Lambda's name, and its role's; `kind` is one of `kinds`."""
        return f"{self.name}-{kind}"

    def queue(self, kind: str) -> str:
        """The queue that feeds a function of QUEUE_FED."""
        return f"{self.name}-{kind}"

    def queue_arn(self, kind: str) -> str:
        """The ARN of `queue`, which a stack in another account may name."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.queue(kind)}"

    def dead_letters(self, kind: str) -> str:
        """The queue that keeps what the function `kind` could not do; `kind` is one of `unattended`."""
        return f"{self.name}-{kind}-dead-letters"

    def dead_letters_arn(self, kind: str) -> str:
        """The ARN of `dead_letters`."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.dead_letters(kind)}"

    def topic(self, kind: str) -> str:
        """Return the name of an SNS topic: findings, alarms, spending (in the payer account), or a detection's own."""
        return f"{self.name}-{kind}"

    @property
    def spending_topic_arn(self) -> str:
        """The payer's topic, for budgets and AWS's anomalies."""
        return f"arn:aws:sns:{PAYER_REGION}:{self.accounts.payer}:{self.topic('spending')}"

    @property
    def collector_role_arn(self) -> str:
        """Who assumes the management role, and the member role too."""
        return f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('collect')}"

    @property
    def looking_role_arns(self) -> list[str]:
        """Who assumes the member role: the collector, and whoever asks who changed what on the day of a rise."""
        detector = f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('detect')}"
        return [self.collector_role_arn, detector]

    @property
    def member_stack_account(self) -> str:
        """The account that the member stack is deployed in."""
        delegated = self.organisation.member_stack == "delegated-administrator"
        return self.accounts.pipeline if delegated else self.accounts.payer

    @property
    def management_role(self) -> str | None:
        """The payer's role that lists the organisation's accounts; None where the pipeline may do so itself."""
        if self.is_one_account or self.organisation.pipeline_is_delegated_administrator:
            return None
        return f"{self.name}-organisation-reader"

    @property
    def management_role_arn(self) -> str | None:
        """The ARN of `management_role`."""
        return self.management_role and f"arn:aws:iam::{self.accounts.payer}:role/{self.management_role}"


def _lines(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        key = ".".join(map(str, one["loc"]))
        pattern = str(one.get("ctx", {}).get("pattern"))
        match one["type"]:
            case "missing":
                yield f"{key}: is missing."
            case "extra_forbidden":
                yield f"{key}: there is no such key; take it out or mend its spelling."
            case "string_pattern_mismatch":
                yield f"{key}: found {one['input']!r}, expected {_expected(key, pattern)}."
            case _:
                yield f"{key}: found {one['input']!r}; {one['msg'][0].lower()}{one['msg'][1:]}."


def _expected(key: str, pattern: str) -> str:
    words = {
        r"accounts\.(payer|pipeline)": "an account id of 12 digits",
        r"(.*regions\.\d+|accounts\.region)": "a region such as eu-west-1",
        r".*emails\.\d+": "an e-mail address",
        r"organisation\.id": "an organisation id such as o-a1b2c3d4e5",
        r"organisation\.ous\.\d+": "a root (r-ab12) or an OU (ou-ab12-11111111)",
        r"export\.first_month": "a month such as 2025-01",
        r"secrets\.\w+": "a secret's name: letters, digits and /_+=.@-",
        r"anomalies\.monitor_arn": "an ARN such as arn:aws:ce::123456789012:anomalymonitor/…",
        r"organisation\.https_endpoints\.\d+": "how an address begins, such as https://hooks.example.com/focuswatch/",
    }
    return next(
        (text for known, text in words.items() if re.fullmatch(known, key)), f"what matches {pattern}"
    )
