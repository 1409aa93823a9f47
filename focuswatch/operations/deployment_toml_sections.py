"""The sections of `config/deployment.toml`, and the types of their values."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d$")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Hour = Annotated[int, Field(ge=0, le=23)]
# CloudFormation accepts amounts only as doubles.
Money = Annotated[Decimal, Field(gt=0, le=Decimal("1e15"), decimal_places=12)]
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
VENDORS = "vendors"  # folder in the data bucket for the charges of AI vendors


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganizationConfig(_Section):
    """The AWS organization. `ous` are the OUs (or the root) whose accounts get the member role.

    `member_stack` selects the account that deploys the StackSet: the management account, or the pipeline account as
    delegated administrator. `https_endpoints` are the prefixes of URLs that accounts may subscribe to the topics.
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
    """The FOCUS export of AWS Data Exports; `recommendations` adds an export of AWS Cost Optimization Hub."""

    name: ExportName
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$")]
    grain: Literal["DAILY", "HOURLY"] = "DAILY"
    first_month: Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] = "2024-01"
    recommendations: bool = False


class PrincipalsConfig(_Section):
    """The second export: CUR 2.0 with the IAM principals that called Amazon Bedrock. See docs/attribution.md."""

    enabled: bool = False
    name: ExportName = "focuswatch-principals"
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]+(/[0-9A-Za-z_.-]+)*$")] = "principals"


class InvocationLogsConfig(_Section):
    """The collection of token sums by caller and request metadata from model invocation logs, see docs/executions.md.

    The member role may query `log_groups` in any account; such a query can read all log events of these log groups.
    """

    enabled: bool = False
    log_groups: list[LogGroup] = Field(default=["/aws/bedrock/modelinvocations"], min_length=1, max_length=20)


Vendor = Literal["anthropic", "copilot", "cursor", "openai"]


class VendorConfig(_Section):
    """An AI vendor whose charges are fetched; `secret` is the name of the secret that contains the API key.

    `account` is the BillingAccountId of the charges; for Copilot, it is the name of the GitHub organization. The first
    run fetches the charges from `since`. `api` is an alternative base URL of the API, such as the URL of a proxy.
    """

    vendor: Vendor
    secret: Annotated[SecretName, Field(min_length=1)]
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    since: date
    api: Annotated[str, Field(pattern=r"^(https://[0-9A-Za-z.-]+(:\d+)?(/[^\s*?${}]*)?)?$")] = ""

    @property
    def path(self) -> str:
        """Return the key prefix of the vendor's files, without a trailing slash."""
        return f"{VENDORS}/{self.vendor}-{self.account}" if self.account else f"{VENDORS}/{self.vendor}"


class ConnectorsConfig(_Section):
    """The scheduled retrieval of charges from AI vendors, see docs/connectors.md; disabled without vendors."""

    hours: list[Hour] = Field(default=[5], min_length=1)
    vendors: list[VendorConfig] = Field(default=[], max_length=10)

    @property
    def environment(self) -> list[dict[str, str | None]]:
        """Return the settings of each vendor for the function `fetch`."""
        return [
            {
                "vendor": one.vendor,
                "secret": one.secret,
                "path": one.path,
                "account": one.account or None,
                "since": str(one.since),
                "api": one.api or None,
            }
            for one in self.vendors
        ]


class BillConfig(_Section):
    """A bill of another provider: FOCUS files that another system copies to `prefix` in the data bucket.

    `name` identifies the bill in notes and errors, and is the account of charges without one. See docs/providers.md.
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

    `currency` is the currency that AWS Budgets accepts in the payer account; amounts in other currencies are converted.
    """

    opensearch_serverless_usd: Money = Decimal(50)
    ai_usd: Money
    ai_services: list[str] = Field(min_length=1)
    count_all_marketplace: bool = False
    approved_regions: list[Region] = Field(min_length=1)
    emails: list[Email] = Field(default=[], max_length=10)
    currency: CurrencyCode = "USD"


class Anomalies(_Section):
    """AWS Cost Anomaly Detection: the existing monitor to subscribe to, or none, so that the payer stack creates one.

    An account can have only one monitor of AWS services, and most accounts already have it. Creating another one fails.
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
    events: SecretName = ""  # for the function `events`, which receives events from CI systems


class EmailConfig(_Section):
    """Email through SES. `sender` is the verified sender address; email is off if it is empty.

    Notifications beyond `daily_limit` emails per day and recipient go into a digest.
    """

    sender: Annotated[str, Field(pattern=r"^([^@\s<>\"*?${}]+@[^@\s<>\"*?${}]+\.[^@\s<>\"*?${}]+)?$")] = ""
    daily_limit: Annotated[int, Field(ge=1, le=1000)] = 20


class SecurityConfig(_Section):
    """Destinations of security findings: Security Hub in the pipeline's account and Region, and OCSF files in S3."""

    security_hub: bool = False
    ocsf: bool = False


class EventsConfig(_Section):
    """`findings` sends an event for each change to a finding to the default event bus of the pipeline account."""

    findings: bool = False


class Alarms(_Section):
    """Who is notified of problems of focuswatch itself, and the age of data that raises an alarm."""

    emails: list[Email] = []
    data_age_hours: Annotated[int, Field(ge=24)] = 48


class DashboardConfig(_Section):
    """Whether the CloudWatch dashboard is deployed; three dashboards per payer account are free of charge."""

    enabled: bool = True


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
    """Spend caps that pause spending, see docs/control.md. They have a separate stack, deployed only if `enabled`.

    `dry_run` records and announces pauses without changing a role; `kill_switch` ends all pauses and starts none.
    `budget_actions` adds AWS Budgets actions as a slower second safeguard, with or without approval.
    """

    enabled: bool = False
    dry_run: bool = True
    kill_switch: bool = False
    pause_days: Annotated[int, Field(ge=1, le=31)] = 7
    budget_actions: Literal["none", "MANUAL", "AUTOMATIC"] = "none"
