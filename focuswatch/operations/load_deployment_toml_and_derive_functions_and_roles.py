"""Load and validate `config/deployment.toml`, and derive the functions, roles and paths of the deployment.

This module does not import the CDK and does not call AWS.
"""

from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, ValidationError

from focuswatch.catalog.parse_toml_text_with_clear_syntax_errors import parse_toml
from focuswatch.errors import ConfigError
from focuswatch.operations.deployment_toml_problems import deployment_problems, validation_problems
from focuswatch.operations.deployment_toml_sections import (
    VENDORS,
    Alarms,
    Anomalies,
    Athena,
    BillConfig,
    BudgetsConfig,
    Collector,
    ConnectorsConfig,
    ControlsConfig,
    CurrencyCode,
    DashboardConfig,
    EmailConfig,
    EventsConfig,
    ExportConfig,
    FunctionsConfig,
    InvocationLogsConfig,
    OrganizationConfig,
    PrincipalsConfig,
    RetentionConfig,
    Schedules,
    Secrets,
    SecurityConfig,
    SpendRateConfig,
)
from focuswatch.operations.lambda_function_groups_and_modules import (
    CHANNELS,
    ENDPOINTS,
    FUNCTIONS,
    QUEUE_FED,
    ChannelFunctions,
)
from focuswatch.operations.resource_names import ResourceNames


class Deployment(ResourceNames):
    """The content of `deployment.toml`, and the names of the deployed resources."""

    billing_currency: CurrencyCode = "USD"
    # The former spelling `organisation` is accepted for one version.
    organization: OrganizationConfig = Field(validation_alias=AliasChoices("organization", "organisation"))
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
    dashboard: DashboardConfig = DashboardConfig()
    keep: RetentionConfig = RetentionConfig()
    functions: FunctionsConfig = FunctionsConfig()
    controls: ControlsConfig = ControlsConfig()
    tags: dict[str, Annotated[str, Field(max_length=256)]] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the configuration in `path`. Raises ConfigError, which lists each problem with its file and key."""
        try:
            values = parse_toml(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read: {error.strerror}. Check the path and the permissions."
            ) from error
        except ValueError as error:  # includes UnicodeDecodeError
            raise ConfigError(f"{path} is not TOML: {error}.") from error
        try:
            deployment = cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError("\n".join(f"{path}: {line}" for line in validation_problems(error))) from error
        if problems := list(deployment_problems(deployment)):
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
        return deployment

    @property
    def other_bills(self) -> list[dict[str, str]]:
        """Return the name and prefix of each bill in addition to the export; bills of AI vendors come last."""
        vendors = [(one.path.removeprefix(f"{VENDORS}/"), one.path) for one in self.connectors.vendors]
        listed = [*((one.name, one.prefix) for one in self.bills), *vendors]
        return [{"name": name, "prefix": prefix} for name, prefix in listed]

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
        """Return the names of the deployed functions; optional functions only if they are configured."""
        of_channels = (channel.functions for channel in CHANNELS if self.uses(channel))
        of_connectors = ("fetch",) if self.connectors.vendors else ()
        bills = ("bills",) if self.other_bills else ()
        hourly = ("hourly",) if self.spend_rate.enabled else ()
        events = ("events",) if self.secrets.events else ()
        return tuple(dict.fromkeys(chain(FUNCTIONS, of_connectors, bills, hourly, events, *of_channels)))

    @property
    def event_sources(self) -> tuple[str, ...]:
        """Return the sources of the table `events`, including `webhook` if its secret is configured."""
        return (*self.collector.events, *(["webhook"] if self.secrets.events else []))

    def uses(self, channel: ChannelFunctions) -> bool:
        """Return whether a channel is configured."""
        return bool(attrgetter(channel.setting)(self))

    @property
    def daily(self) -> tuple[str, ...]:
        """Return the functions whose missed runs are reported: all that must complete a run at least once a day.

        `close` is not among them: it runs after `detect`, whose missed runs are reported.
        """
        return tuple(kind for kind in self.kinds if kind not in (*QUEUE_FED, *ENDPOINTS, "weekly", "close"))

    @property
    def unattended(self) -> tuple[str, ...]:
        """Return the functions that have a dead-letter queue: all except endpoints, whose callers await a response."""
        return tuple(kind for kind in self.kinds if kind not in ENDPOINTS)

    @property
    def controls_mode(self) -> Literal["live", "dry run", "off"]:
        """Return the mode of spend caps; the kill switch overrides the dry run."""
        if self.controls.kill_switch:
            return "off"
        return "dry run" if self.controls.dry_run else "live"

    @property
    def member_role_callers(self) -> list[str]:
        """Return the ARNs of the roles that may assume the member role.

        `collect` and `hourly` read resources and metrics, `detect` reads CloudTrail.
        """
        others = ("detect", *(["hourly"] if self.spend_rate.enabled else []))
        arns = [f"arn:aws:iam::{self.accounts.pipeline}:role/{self.function(kind)}" for kind in others]
        return [self.collector_role_arn, *arns]

    @property
    def member_stack_account(self) -> str:
        """Return the ID of the account in which the member stack is deployed."""
        delegated = self.organization.member_stack == "delegated-administrator"
        return self.accounts.pipeline if delegated else self.accounts.payer

    @property
    def management_role(self) -> str | None:
        """Return the name of the payer's role that lists accounts; None if the pipeline account can list them."""
        if self.is_one_account or self.organization.pipeline_is_delegated_administrator:
            return None
        return f"{self.name}-organisation-reader"

    @property
    def management_role_arn(self) -> str | None:
        """Return the ARN of `management_role`."""
        return self.management_role and f"arn:aws:iam::{self.accounts.payer}:role/{self.management_role}"
