"""Load and validate `config/deployment.toml`, and derive the functions, roles and paths of the deployment.

This module does not import the CDK and does not call AWS.
"""

import re
from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, ValidationError

from focuswatch.catalog.parse_toml_with_clear_errors import parse_toml
from focuswatch.errors import ConfigError
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
from focuswatch.operations.resource_names import PAYER_REGION, ResourceNames

# Regions of AWS's other partitions, whose ARNs, services and prices differ:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
OTHER_PARTITION = re.compile(r"^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-")
# Names of roles that AWS or its landing zones create with administrator access, and other names of administrator roles:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
ADMINISTRATOR = re.compile(
    r"admin|poweruser|OrganizationAccountAccess|AWSControlTower|^AWSReservedSSO|StackSetExecution|^cdk-",
    re.IGNORECASE,
)
# The placeholder values of the shipped config/deployment.toml; `placeholders` refuses to deploy them.
SHIPPED_ACCOUNT, SHIPPED_ORGANIZATION, SHIPPED_ROOT = "123456789012", "o-a1b2c3d4e5", "r-ab12"
SHIPPED_EXTERNAL_ID = "change-me-to-something-long"


# The top-level folders of the data bucket that focuswatch writes to.
WRITTEN = ("tables", "athena-results", "collected", "page", "ocsf", VENDORS)


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
            raise ConfigError("\n".join(f"{path}: {line}" for line in _lines(error))) from error
        if problems := list(deployment.problems()):
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
        return deployment

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each problem that the validation of single values does not detect."""
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
                    "because tools that copy files can resolve or hide such folders."
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
                f"bills: found the name {name} twice (each vendor under connectors is also a bill); "
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
                "partition aws, the only partition that focuswatch supports; use Regions in the partition aws."
            )

    def placeholders(self) -> Iterator[str]:
        """Yield a sentence for each placeholder of the shipped file. `load` accepts placeholders, `app.py` does not."""
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
                "anomalies.monitor_arn: no monitor specified, so focuswatch would not receive cost anomalies; "
                "set the ARN that `aws ce get-anomaly-monitors` shows, or set account_has_monitor = false to "
                "create a monitor."
            )

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
        r"accounts\.(payer|pipeline)": "a 12-digit account ID",
        r"(.*regions\.\d+|accounts\.region)": "a Region such as eu-west-1",
        r".*emails\.\d+": "an email address",
        r"organi[sz]ation\.id": "an organization ID such as o-a1b2c3d4e5",
        r"organi[sz]ation\.ous\.\d+": "a root (r-ab12) or an OU (ou-ab12-11111111)",
        r"export\.first_month": "a month such as 2025-01",
        r"email\.sender": "an email address",
        r"bills\.\d+\.name": "a name of at most 31 lowercase letters, digits and hyphens, such as azure",
        r"bills\.\d+\.prefix": "a prefix that does not start or end with a slash, such as bills/azure",
        r"secrets\.\w+": "a secret name of letters, digits and the characters /_+=.@-",
        r"invocation_logs\.log_groups\.\d+": "the name of a log group such as /aws/bedrock/modelinvocations",
        r"anomalies\.monitor_arn": "an ARN such as arn:aws:ce::123456789012:anomalymonitor/…",
        r"organi[sz]ation\.https_endpoints\.\d+": "a URL prefix such as https://hooks.example.com/focuswatch/",
    }
    return next(
        (text for keys, text in descriptions.items() if re.fullmatch(keys, key)),
        f"a value that matches {pattern}",
    )
