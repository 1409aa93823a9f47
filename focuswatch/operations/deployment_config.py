"""The deployment's configuration, `config/deployment.toml`, and the resource names that follow from it.

The stacks and `focuswatch doctor` take names from here only, so that a stack in one account can name a resource of
another account. This module imports no CDK and does not call AWS.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from focuswatch.catalog.toml_text import parse_toml
from focuswatch.errors import ConfigError
from focuswatch.operations.deployed_functions import (
    CHANNELS,
    ENDPOINTS,
    FUNCTIONS,
    QUEUE_FED,
    ChannelFunctions,
)

# Data Exports has no endpoint elsewhere: https://docs.aws.amazon.com/general/latest/gr/billing.html
PAYER_REGION = "us-east-1"


# Regions of AWS's other partitions, whose ARNs, services and prices differ:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
OTHER_PARTITION = re.compile(r"^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-")
# Names of roles that AWS or its landing zones create with administrator access, and names of administrators:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
ADMINISTRATOR = re.compile(
    r"admin|poweruser|OrganizationAccountAccess|AWSControlTower|^AWSReservedSSO|StackSetExecution|^cdk-",
    re.IGNORECASE,
)
# The placeholder values of the shipped config/deployment.toml; `placeholders` refuses to deploy them.
SHIPPED_ACCOUNT, SHIPPED_ORGANIZATION, SHIPPED_ROOT = "123456789012", "o-a1b2c3d4e5", "r-ab12"
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
# The names that Secrets Manager accepts. Anything else, such as a wildcard, would end up in IAM policies.
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@-]{0,512}$")]
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AnomalyMonitor.html
MonitorArn = Annotated[str, Field(pattern=r"^(arn:aws:ce::\d{12}:anomalymonitor/[0-9A-Za-z-]{1,64})?$")]
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
LogGroup = Annotated[str, Field(pattern=r"^[.\-_/#A-Za-z0-9]{1,512}$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https://[0-9A-Za-z.-]+(:\d+)?/[^\s*?${}]*$")]
# The retention periods of CloudWatch Logs: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922]


# The export of recommendations is delivered where functions may read tables.
RECOMMENDATIONS_PREFIX, RECOMMENDATIONS_EXPORT = "tables", "recommendations"
RECOMMENDATIONS_DAYS = 14  # a delivery is kept; detections read the last three days


VENDORS = "vendors"  # folder of the bucket with the charges of AI vendors
WRITTEN = (
    "tables",
    "athena-results",
    "collected",
    "page",
    "ocsf",
    VENDORS,
)  # folders that focuswatch writes to


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganizationConfig(_Section):
    """The AWS organization. `ous` are the OUs (or the root) whose accounts get the member role.

    `member_stack` is the account that deploys the StackSet: the management account, or the pipeline's account as
    delegated administrator. `https_endpoints` are URL prefixes that member accounts may subscribe to the topics.
    """

    id: Annotated[str, Field(pattern=r"^o-[a-z0-9]{10,32}$")]
    ous: list[Annotated[str, Field(pattern=r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$")]]
    pipeline_is_delegated_administrator: bool = False
    member_stack: Literal["management", "delegated-administrator"] = "management"
    https_endpoints: list[HttpsUrl] = []


class Accounts(_Section):
    """The payer and the pipeline account, which may be the same, and the pipeline's Region."""

    payer: AccountId
    pipeline: AccountId
    region: Region


class ExportConfig(_Section):
    """The FOCUS export in Data Exports; `recommendations` adds an export of AWS Cost Optimization Hub."""

    name: ExportName
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$")]
    grain: Literal["DAILY", "HOURLY"] = "DAILY"
    first_month: Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] = "2024-01"
    recommendations: bool = False


class PrincipalsConfig(_Section):
    """The second export in Data Exports: CUR 2.0 with IAM principals, who called Bedrock. See docs/attribution.md."""

    enabled: bool = False
    name: ExportName = "focuswatch-principals"
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$")] = "principals"


class InvocationLogsConfig(_Section):
    """Token sums by caller and request metadata from model invocation logs, see docs/executions.md.

    `log_groups` are the log groups that the member role may query, in any account; a query can read their log events.
    """

    enabled: bool = False
    log_groups: list[LogGroup] = Field(default=["/aws/bedrock/modelinvocations"], min_length=1, max_length=20)


Vendor = Literal["anthropic", "copilot", "cursor", "openai"]


class VendorConfig(_Section):
    """An AI vendor whose charges are fetched; `secret` is the name of the secret that holds the key of its API.

    `account` is the billing account in the files, for Copilot the organization. The first run starts at `since`.
    `api` is another address of the API, such as a proxy.
    """

    vendor: Vendor
    secret: Annotated[SecretName, Field(min_length=1)]
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    since: date
    api: Annotated[str, Field(pattern=r"^(https://[0-9A-Za-z.-]+(:\d+)?(/[^\s*?${}]*)?)?$")] = ""

    @property
    def path(self) -> str:
        """Return the key prefix of its files, without a trailing slash."""
        return f"{VENDORS}/{self.vendor}-{self.account}" if self.account else f"{VENDORS}/{self.vendor}"


class ConnectorsConfig(_Section):
    """Charges of AI vendors, fetched on a schedule, see docs/connectors.md; off without vendors."""

    hours: list[Hour] = Field(default=[5], min_length=1)
    vendors: list[VendorConfig] = Field(default=[], max_length=10)

    @property
    def environment(self) -> list[dict[str, str | None]]:
        """Return what the function `fetch` needs of each vendor."""
        return [
            {
                "vendor": one.vendor, "secret": one.secret, "path": one.path, "account": one.account or None,
                "since": str(one.since), "api": one.api or None,
            }
            for one in self.vendors
        ]  # fmt: skip


class BillConfig(_Section):
    """A bill of another provider: FOCUS files that another system copies below `prefix` of the data bucket.

    `name` is its name in notes and errors, and that of charges without an account. See docs/providers.md.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.=-]+)*$")]


class Athena(_Section):
    """The Glue database and the Athena workgroup; a query that scans more than `scan_limit_gib` is canceled.

    `lake_formation` adds grants for the functions, for accounts in which Lake Formation controls new databases.
    """

    database: Database = "focuswatch"
    workgroup: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,128}$")] = "focuswatch"
    scan_limit_gib: Annotated[int, Field(ge=1)] = 100
    lake_formation: bool = False


class Schedules(_Section):
    """When scheduled functions run, in hours UTC. `refresh` also runs when a manifest arrives."""

    collect_hours: list[Hour] = Field(default=[4], min_length=1)
    refresh_hours: list[Hour] = Field(default=[6], min_length=1)
    publish_minutes: Annotated[int, Field(ge=5, le=59)] = 15
    pulse_hour: Hour = 8
    weekly_day: Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] = "MON"


class Collector(_Section):
    """How resource activity is collected: the role to assume in each account, and the Regions to read.

    `events` are the sources of the table `events`; see docs/events.md.
    """

    regions: list[Region] = Field(min_length=1)
    member_role: Annotated[str, Field(pattern=r"^[0-9A-Za-z_+=,.@-]{1,64}$")] = "focuswatch-member"
    external_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_+=,.@:/-]{8,128}$")]
    events: list[Literal["deployments", "alarms", "health", "files"]] = []


class SpendRateConfig(_Section):
    """The estimated cost per hour of Bedrock tokens, see docs/spend-rate.md; `enabled` adds the function `hourly`."""

    enabled: bool = False


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class BudgetsConfig(_Section):
    """AWS Budgets in the payer account, in USD a month; `emails` are notified in addition to the topic `spending`.

    `currency` is the one that AWS Budgets accepts in the payer account; amounts in another currency are converted.
    """

    opensearch_serverless_usd: Money = Decimal(50)
    ai_usd: Money
    ai_services: list[str] = Field(min_length=1)
    count_all_marketplace: bool = False
    approved_regions: list[Region] = Field(min_length=1)
    emails: list[Email] = Field(default=[], max_length=10)
    currency: CurrencyCode = "USD"


class Anomalies(_Section):
    """AWS Cost Anomaly Detection: an existing monitor to subscribe to, or none.

    An account can have one monitor of AWS services, and most have it from the start. Creating a second one would fail.
    """

    account_has_monitor: bool
    monitor_arn: MonitorArn = ""
    least_impact_usd: Money = Decimal(100)


class Secrets(_Section):
    """Names of secrets in Secrets Manager, never their values. An empty name turns the channel off."""

    slack: SecretName = ""
    jira: SecretName = ""
    teams: SecretName = ""
    pagerduty: SecretName = ""
    webhook: SecretName = ""
    events: SecretName = ""  # of the function `events`, to which a CI posts


class EmailConfig(_Section):
    """E-mail through SES: the verified address that mails are sent from (empty: off), and the mails a day and address.

    Beyond `daily_limit`, notifications go into a digest.
    """

    sender: Annotated[str, Field(pattern=r"^([^@\s<>\"*?${}]+@[^@\s<>\"*?${}]+\.[^@\s<>\"*?${}]+)?$")] = ""
    daily_limit: Annotated[int, Field(ge=1, le=1000)] = 20


class SecurityConfig(_Section):
    """Security tools that get security findings: Security Hub of the pipeline's account and Region, and OCSF in S3."""

    security_hub: bool = False
    ocsf: bool = False


class EventsConfig(_Section):
    """`findings`: put an event for each change of a finding on the default event bus of the pipeline's account."""

    findings: bool = False


class Alarms(_Section):
    """Who is notified of problems of focuswatch itself, and the age of data that raises an alarm."""

    emails: list[Email] = []
    data_age_hours: Annotated[int, Field(ge=24)] = 48


class RetentionConfig(_Section):
    """Retention periods in days, and the storage class of billing data."""

    athena_results_days: Annotated[int, Field(ge=1)] = 7
    old_versions_days: Annotated[int, Field(ge=1)] = 3
    intelligent_tiering: bool = True
    log_days: LogDays = 90


class FunctionsConfig(_Section):
    """Settings of the Lambda functions; `sdk_for_pandas` and `powertools` are versions of AWS's public layers."""

    sdk_for_pandas: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = "3.16.0"
    powertools: Annotated[str, Field(pattern=r"^(latest|\d+\.\d+\.\d+)$")] = "latest"
    reserve_concurrency: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class ControlsConfig(_Section):
    """Spend caps that pause spending, see docs/control.md: a stack of its own, deployed only if `enabled`.

    `dry_run` records and announces pauses without changing a role; `kill_switch` ends all pauses and begins none.
    `budget_actions` adds AWS Budgets actions as a slower second safeguard, with or without approval.
    """

    enabled: bool = False
    dry_run: bool = True
    kill_switch: bool = False
    pause_days: Annotated[int, Field(ge=1, le=31)] = 7
    budget_actions: Literal["none", "MANUAL", "AUTOMATIC"] = "none"


class Deployment(_Section):
    """All of `deployment.toml`, and the names of the resources that are deployed."""

    name: Name = "focuswatch"
    billing_currency: CurrencyCode = "USD"
    # The former spelling `organisation` is accepted for one version.
    organization: OrganizationConfig = Field(validation_alias=AliasChoices("organization", "organisation"))
    accounts: Accounts
    export: ExportConfig
    principals: PrincipalsConfig = PrincipalsConfig()
    invocation_logs: InvocationLogsConfig = InvocationLogsConfig()
    connectors: ConnectorsConfig = ConnectorsConfig()
    bills: list[BillConfig] = Field(default=[], max_length=20)
    athena: Athena = Athena()
    schedules: Schedules = Schedules()
    collector: Collector
    spend_rate: SpendRateConfig = SpendRateConfig()
    budgets: BudgetsConfig
    anomalies: Anomalies
    secrets: Secrets = Secrets()
    email: EmailConfig = EmailConfig()
    security: SecurityConfig = SecurityConfig()
    events: EventsConfig = EventsConfig()
    alarms: Alarms = Alarms()
    keep: RetentionConfig = RetentionConfig()
    functions: FunctionsConfig = FunctionsConfig()
    controls: ControlsConfig = ControlsConfig()
    tags: dict[str, Annotated[str, Field(max_length=256)]] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the configuration in `path`. Raises ConfigError that lists each problem with the file and its key."""
        try:
            values = parse_toml(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read: {error.strerror}. Check the path and the permissions."
            ) from error
        except ValueError as error:  # UnicodeDecodeError too
            raise ConfigError(f"{path} is not TOML: {error}.") from error
        try:
            deployment = cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError("\n".join(f"{path}: {line}" for line in _lines(error))) from error
        if problems := list(deployment.problems()):
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
        return deployment

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each problem that takes more than one value to see."""
        if not self.organization.ous:
            yield (
                "organization.ous: no OU specified; "
                "expected the root (r-…) or the OUs whose accounts get the member role."
            )
        if PAYER_REGION not in self.budgets.approved_regions:
            yield f"budgets.approved_regions: add {PAYER_REGION}; AWS charges for global services in this Region."
        if len(self.bucket) > 63:
            yield f"name: the bucket name '{self.bucket}' exceeds 63 characters, the limit of S3; shorten the name."
        for key in self.tags:
            if key.lower().startswith("aws:") or len(key) > 128:
                yield f"tags.{key}: expected a key of at most 128 characters that does not start with aws:."
        yield from self._prefix_problems()
        yield from self._role_problems()
        yield from self._monitor_problems()
        yield from self._controls_problems()
        yield from self._connector_problems()
        yield from self._bill_problems()
        yield from self._partition_problems()

    def _prefix_problems(self) -> Iterator[str]:
        for key, prefix in (("export", self.export.prefix), ("principals", self.principals.prefix)):
            if prefix.split("/")[0] in WRITTEN:
                yield f"{key}.prefix: found '{prefix}', a folder that focuswatch writes to; use another prefix."
            if any(part.startswith(".") for part in prefix.split("/")):
                yield (
                    f"{key}.prefix: found '{prefix}', expected folder names that do not start with a dot, "
                    "because copy tools resolve or hide such folders."
                )
        paths = [f"{self.export_path}/", f"{self.principals_path}/"]
        if paths[0].startswith(paths[1]) or paths[1].startswith(paths[0]):
            yield (
                f"principals.prefix: found {paths[1]}, which overlaps the folder {paths[0]} of the export; "
                "use another prefix or name."
            )

    def _role_problems(self) -> Iterator[str]:
        role = self.collector.member_role
        if ADMINISTRATOR.search(role):
            yield (
                f"collector.member_role: found '{role}', the name of an administrator role. "
                "focuswatch creates a read-only role; use a name that does not exist yet."
            )
        if self.organization.member_stack == "delegated-administrator" and self.is_one_account:
            yield (
                "organization.member_stack: payer and pipeline are the same account, which cannot be a delegated "
                'administrator; use "management".'
            )

    def _controls_problems(self) -> Iterator[str]:
        if self.controls.budget_actions != "none" and not self.budgets.emails:
            yield (
                f'controls.budget_actions: found "{self.controls.budget_actions}", but AWS Budgets actions require '
                "an email address; add an address to budgets.emails."
            )

    def _connector_problems(self) -> Iterator[str]:
        paths = [one.path for one in self.connectors.vendors]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            yield f"connectors.vendors: found {path} twice; set a different `account` in each entry."
        if any(one.vendor == "copilot" and not one.account for one in self.connectors.vendors):
            yield "connectors.vendors: copilot has no `account`; set `account` to the name of the GitHub organization."

    def _bill_problems(self) -> Iterator[str]:
        vendors = {one.path.removeprefix(f"{VENDORS}/") for one in self.connectors.vendors}
        names = [*(one.name for one in self.bills), *vendors]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield (
                f"bills: found the name {name} twice (vendors under connectors are bills too); "
                "give each bill its own name."
            )
        read = [("the export", self.export_path), ("the export of principals", self.principals_path)]
        for number, one in enumerate(self.bills):
            key, parts = f"bills.{number}.prefix", one.prefix.split("/")
            if parts[0] in WRITTEN:
                yield f"{key}: found '{one.prefix}', a folder that focuswatch writes to; use another prefix."
            if any(part.startswith(".") for part in parts):
                yield f"{key}: found '{one.prefix}', expected folder names that do not start with a dot."
            for other, prefix in read:
                inner, outer = sorted((f"{one.prefix}/", f"{prefix}/"), key=len, reverse=True)
                if inner.startswith(outer):
                    yield (
                        f"{key}: found '{one.prefix}', which overlaps '{prefix}' of {other}, so charges would "
                        "be counted twice; use another prefix."
                    )
            read.append((one.name, one.prefix))

    def _monitor_problems(self) -> Iterator[str]:
        arn = self.anomalies.monitor_arn
        if arn and not self.anomalies.account_has_monitor:
            yield (
                "anomalies.monitor_arn: found an ARN, but account_has_monitor = false creates a monitor; "
                "set account_has_monitor = true, or remove the ARN."
            )
        elif arn and arn.split(":")[4] != self.accounts.payer:
            yield (
                f"anomalies.monitor_arn: found a monitor of account {arn.split(':')[4]}, "
                f"expected a monitor of the payer account, {self.accounts.payer}."
            )

    def _partition_problems(self) -> Iterator[str]:
        regions = [self.accounts.region, *self.collector.regions, *self.budgets.approved_regions]
        if others := sorted({region for region in regions if OTHER_PARTITION.match(region)}):
            yield (
                f"accounts, collector, budgets: {', '.join(others)} {'is' if len(others) == 1 else 'are'} not in the "
                "partition aws, the only partition that focuswatch supports; use Regions of the partition aws."
            )

    def placeholders(self) -> Iterator[str]:
        """Yield a sentence for each placeholder value of the shipped file. They load, and are refused at deployment."""
        for key, account in (("payer", self.accounts.payer), ("pipeline", self.accounts.pipeline)):
            if account == SHIPPED_ACCOUNT:
                yield f"accounts.{key}: '{account}' is a placeholder; use the ID of your account."
        if self.organization.id == SHIPPED_ORGANIZATION:
            yield (
                f"organization.id: '{self.organization.id}' is a placeholder; "
                "run `aws organizations describe-organization` to find the ID."
            )
        if SHIPPED_ROOT in self.organization.ous:
            yield (
                f"organization.ous: '{SHIPPED_ROOT}' is a placeholder; "
                "run `aws organizations list-roots` to find the root."
            )
        if self.collector.external_id == SHIPPED_EXTERNAL_ID:
            yield (
                "collector.external_id: the placeholder is public; use a random value, for example from "
                "`openssl rand -hex 16`."
            )
        if self.anomalies.account_has_monitor and not self.anomalies.monitor_arn:
            yield (
                "anomalies.monitor_arn: no monitor specified, so focuswatch would receive no cost anomalies; "
                "use the ARN that `aws ce get-anomaly-monitors` shows, or account_has_monitor = false to "
                "create a monitor."
            )

    @property
    def other_bills(self) -> list[dict[str, str]]:
        """Return name and prefix of each bill that is read beside the export; those of AI vendors come last."""
        vendors = [(one.path.removeprefix(f"{VENDORS}/"), one.path) for one in self.connectors.vendors]
        listed = [*((one.name, one.prefix) for one in self.bills), *vendors]
        return [{"name": name, "prefix": prefix} for name, prefix in listed]

    @property
    def is_one_account(self) -> bool:
        """Return whether the pipeline runs in the payer account."""
        return self.accounts.payer == self.accounts.pipeline

    @property
    def is_one_account_and_region(self) -> bool:
        """Return whether the pipeline and payer stacks are in the same account and Region."""
        return self.is_one_account and self.accounts.region == PAYER_REGION

    @property
    def bucket(self) -> str:
        """Return the name of the data bucket, which the payer's export needs before the bucket exists."""
        return f"{self.name}-{self.accounts.pipeline}-{self.accounts.region}"

    @property
    def export_path(self) -> str:
        """Return the key prefix of the export's deliveries, without a trailing slash."""
        return f"{self.export.prefix}/{self.export.name}"

    @property
    def principals_path(self) -> str:
        """Return the key prefix of the deliveries of the export with IAM principals, without a trailing slash."""
        return f"{self.principals.prefix}/{self.principals.name}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the functions that are deployed; those of optional parts only if these are configured."""
        of_channels = (channel.functions for channel in CHANNELS if self.uses(channel))
        of_connectors = ("fetch",) if self.connectors.vendors else ()
        bills = ("bills",) if self.other_bills else ()
        hourly = ("hourly",) if self.spend_rate.enabled else ()
        events = ("events",) if self.secrets.events else ()
        return tuple(dict.fromkeys(chain(FUNCTIONS, of_connectors, bills, hourly, events, *of_channels)))

    @property
    def event_sources(self) -> tuple[str, ...]:
        """Return the sources of the table `events`, of which `webhook` is on with its secret."""
        return (*self.collector.events, *(["webhook"] if self.secrets.events else []))

    def uses(self, channel: ChannelFunctions) -> bool:
        """Return whether a channel is configured."""
        return bool(attrgetter(channel.setting)(self))

    @property
    def daily(self) -> tuple[str, ...]:
        """Return the functions that run at least once a day, and whose missing run is not seen at another function."""
        return tuple(kind for kind in self.kinds if kind not in (*QUEUE_FED, *ENDPOINTS, "weekly", "close"))

    @property
    def unattended(self) -> tuple[str, ...]:
        """Return the functions that have a dead-letter queue: not those whose caller waits for the response."""
        return tuple(kind for kind in self.kinds if kind not in ENDPOINTS)

    @property
    def event_source(self) -> str:
        """Return the source of the deployment's events on EventBridge, so that two deployments do not mix."""
        return self.name

    @property
    def finding_event_source(self) -> str:
        """Return the source of events about findings: not that of the steps, so that no step is invoked by them."""
        return f"{self.name}.findings"

    @property
    def metric_namespace(self) -> str:
        """Return the CloudWatch namespace of the deployment's metrics."""
        return self.name

    @property
    def ledger(self) -> str:
        """Return the name of the ledger's DynamoDB table."""
        return f"{self.name}-ledger"

    def function(self, kind: str) -> str:
        """Return the name of a Lambda function and of its role; `kind` is one of `kinds`."""
        return f"{self.name}-{kind}"

    def queue(self, kind: str) -> str:
        """Return the name of the queue that feeds a function of QUEUE_FED."""
        return f"{self.name}-{kind}"

    def queue_arn(self, kind: str) -> str:
        """Return the ARN of `queue`, for a stack in another account."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.queue(kind)}"

    def dead_letters(self, kind: str) -> str:
        """Return the name of a function's dead-letter queue; `kind` is one of `unattended`."""
        return f"{self.name}-{kind}-dead-letters"

    def dead_letters_arn(self, kind: str) -> str:
        """Return the ARN of `dead_letters`."""
        return f"arn:aws:sqs:{self.accounts.region}:{self.accounts.pipeline}:{self.dead_letters(kind)}"

    def topic(self, kind: str) -> str:
        """Return the name of an SNS topic: findings, alarms, spending (in the payer account), or a detection's own."""
        return f"{self.name}-{kind}"

    @property
    def controls_mode(self) -> Literal["live", "dry run", "off"]:
        """Return what spend caps may do: live, dry run, or off."""
        if self.controls.kill_switch:
            return "off"
        return "dry run" if self.controls.dry_run else "live"

    @property
    def paused_policy(self) -> str:
        """Return the name of the deny policy, in each account that has roles with a spend cap."""
        return f"{self.name}-paused"

    @property
    def pause_role(self) -> str:
        """Return the name of the role that attaches and detaches it, in each of these accounts."""
        return f"{self.name}-pause"

    def pause_role_arn(self, account: str) -> str:
        """Return the ARN of `pause_role` in an account."""
        return f"arn:aws:iam::{account}:role/{self.pause_role}"

    def queue_url(self, kind: str) -> str:
        """Return the address of a queue of another stack: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html."""
        accounts = self.accounts
        return f"https://sqs.{accounts.region}.amazonaws.com/{accounts.pipeline}/{self.queue(kind)}"

    @property
    def spending_topic_arn(self) -> str:
        """Return the ARN of the payer's topic, to which AWS Budgets and Cost Anomaly Detection publish."""
        return f"arn:aws:sns:{PAYER_REGION}:{self.accounts.payer}:{self.topic('spending')}"

    @property
    def collector_role_arn(self) -> str:
        """Return the role of `collect`, which assumes the management role and the member role."""
        return f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('collect')}"

    @property
    def controls_role_arn(self) -> str:
        """Return the role of `controls`, which assumes the pause role of each account."""
        return f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function('controls')}"

    @property
    def member_role_callers(self) -> list[str]:
        """Return the roles that assume the member role.

        `collect` and `hourly` read resources and metrics, `detect` reads CloudTrail.
        """
        others = ("detect", *(["hourly"] if self.spend_rate.enabled else []))
        arns = [f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function(kind)}" for kind in others]
        return [self.collector_role_arn, *arns]

    @property
    def member_stack_account(self) -> str:
        """Return the account that the member stack is deployed in."""
        delegated = self.organization.member_stack == "delegated-administrator"
        return self.accounts.pipeline if delegated else self.accounts.payer

    @property
    def management_role(self) -> str | None:
        """Return the payer's role that lists accounts; None if the pipeline's account may list them itself."""
        if self.is_one_account or self.organization.pipeline_is_delegated_administrator:
            return None
        return f"{self.name}-organisation-reader"

    @property
    def management_role_arn(self) -> str | None:
        """Return the ARN of `management_role`."""
        return self.management_role and f"arn:aws:iam::{self.accounts.payer}:role/{self.management_role}"


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        pattern = str(problem.get("ctx", {}).get("pattern"))
        match problem["type"]:
            case "missing":
                yield f"{key}: missing; add the key."
            case "extra_forbidden":
                yield f"{key}: unknown key; remove the key or correct its spelling."
            case "string_pattern_mismatch":
                yield f"{key}: found {problem['input']!r}, expected {_expected(key, pattern)}."
            case _:
                yield f"{key}: found {problem['input']!r}; {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _expected(key: str, pattern: str) -> str:
    descriptions = {
        r"accounts\.(payer|pipeline)": "an account ID of 12 digits",
        r"(.*regions\.\d+|accounts\.region)": "a Region such as eu-west-1",
        r".*emails\.\d+": "an email address",
        r"organi[sz]ation\.id": "an organization ID such as o-a1b2c3d4e5",
        r"organi[sz]ation\.ous\.\d+": "a root (r-ab12) or an OU (ou-ab12-11111111)",
        r"export\.first_month": "a month such as 2025-01",
        r"email\.sender": "an email address",
        r"bills\.\d+\.name": "a name of at most 31 lower-case letters, digits and hyphens, such as azure",
        r"bills\.\d+\.prefix": "a prefix without slashes at its ends, such as bills/azure",
        r"secrets\.\w+": "a secret's name: letters, digits and /_+=.@-",
        r"invocation_logs\.log_groups\.\d+": "the name of a log group such as /aws/bedrock/modelinvocations",
        r"anomalies\.monitor_arn": "an ARN such as arn:aws:ce::123456789012:anomalymonitor/…",
        r"organi[sz]ation\.https_endpoints\.\d+": "a URL prefix such as https://hooks.example.com/focuswatch/",
    }
    return next(
        (text for keys, text in descriptions.items() if re.fullmatch(keys, key)),
        f"a value that matches {pattern}",
    )
