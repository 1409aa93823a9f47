"""Headers of the catalog's SQL files: the settings and texts of detections, reports, tables and lookups."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

RESERVED_TOPICS = ("findings", "alarms", "spending")  # created for every deployment

Category = Literal["waste", "security", "anomaly", "governance"]
# A type in the taxonomy of Security Hub: NAMESPACE, NAMESPACE/CATEGORY or NAMESPACE/CATEGORY/CLASSIFIER
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-type-taxonomy.html
SecurityType = Annotated[
    str,
    Field(
        pattern=r"^(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data)(/[A-Za-z ]+){0,2}$"
    ),
]
Names = Literal["cause", "place", "amount"]  # how much a finding says of its cause, the most first
Parameter = str | bool | int | float | date | list[str | int | float]


OwnersSetting = Literal[
    "monthly_budget", "use_cases", "experiments", "principal_budgets", "spend_caps", "usage_policies"
]
InputFile = Literal["principals", "recommendations", "invocations", "token_hours"]
# Values of the column ai_family, and two that do not depend on it: `gpu` is every charge of an instance with a GPU,
# `any` every charge of an AI service.
AiFamily = Literal[
    "any",
    "agentcore",
    "ai_service",
    "bedrock",
    "devops_agent",
    "gpu",
    "kendra",
    "kiro",
    "model_api",
    "nova_act",
    "opensearch_serverless",
    "q",
    "quick",
    "sagemaker",
]
CostColumn = Literal["effective", "billed"]
COST_COLUMNS: dict[CostColumn, str] = {"effective": "EffectiveCost", "billed": "BilledCost"}
CountedCharges = Literal["usage", "fees", "credits", "tax"]
CHARGES: tuple[CountedCharges, ...] = ("usage", "fees", "credits", "tax")


def charges_text(counted: Collection[CountedCharges]) -> str:
    """Return kinds of charges as a basis names them: `usage and fees, excluding credits and tax`."""
    without = [kind for kind in CHARGES if kind not in counted]
    named = _listed([kind for kind in CHARGES if kind in counted])
    return f"{named}, excluding {_listed(without)}" if without else named


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


class NeedsHeader(BaseModel):
    """The input that a detection or report needs to evaluate a bill; `focuswatch assess` compares it with the bill.

    `charges` is a condition on the columns of daily_charges: without a charge that meets it, there is nothing to
    evaluate. `columns` are FOCUS columns that these charges must fill, `history_days` days that the bill must have,
    `activity` namespaces of CloudWatch of which at least one must be collected, `files` other files of the bill,
    `owners` settings in owners.toml.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    charges: str | None = Field(default=None, min_length=3)
    columns: list[Literal["ResourceId", "ConsumedQuantity"]] = []
    history_days: int = Field(default=1, ge=1, le=400)
    activity: list[str] = []
    files: list[InputFile] = []
    owners: list[OwnersSetting] = []


class Header(BaseModel):
    """The keys that every file of the catalog has."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str = Field(min_length=8, max_length=120)
    why: str = Field(min_length=20)
    parameters: dict[str, Parameter] = {}
    needs: NeedsHeader = NeedsHeader()


class TableHeader(Header):
    """The header of a table that detections read, or of a lookup that focuswatch runs over tables."""

    reads: list[str] = []


class OffersHeader(BaseModel):
    """The other bases that a report can be run with, and why not with more.

    `cost` are the cost columns, the default first; `charges` are the kinds of charges that it counts by default, and
    `more` those that it can also count. Both are named in `basis`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    cost: list[CostColumn] = []
    charges: list[CountedCharges] = []
    more: list[CountedCharges] = []
    limits: str | None = Field(default=None, min_length=20, max_length=160)


class ReportHeader(Header):
    """The header of a report; its rows are shown as they are, forecast first, or compared with kept forecasts.

    `basis` states which cost column it sums, and of which charges. `forecast_of` is a table of daily costs by team: the
    forecasts of the month fill the columns month_to_date, forecast, low and high of the team's row.
    """

    basis: str = Field(min_length=8, max_length=160)
    kind: Literal["rows", "forecast", "month_close"] = "rows"
    offers: OffersHeader = OffersHeader()
    forecast_of: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{2,59}$")

    @model_validator(mode="after")
    def _require_the_default_basis(self) -> Self:
        """Refuse a basis whose text another basis could not replace."""
        offers = self.offers
        defaults = [COST_COLUMNS[cost] for cost in offers.cost[:1]]
        defaults += [charges_text(offers.charges)] if offers.charges else []
        if missing := [text for text in defaults if text not in self.basis]:
            raise ValueError(
                f"`basis` must contain these exact texts for the default cost column and charges: {', '.join(missing)}"
            )
        if not offers.limits and (
            len(offers.cost) < 2 or len({*offers.charges, *offers.more}) < len(CHARGES)
        ):
            raise ValueError(
                "`limits` under [offers] must state why the report does not offer all cost columns and all "
                "kinds of charges"
            )
        return self


class Scoring(BaseModel):
    """When a day of a series is anomalous; `least_daily_excess_usd` is converted as money parameters are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    threshold: float
    least_daily_excess_usd: float = 20.0
    history_days: int = 28


class PaceHeader(BaseModel):
    """The shares of a budget at which it is notified once a month when they are spent.

    The rows of a detection of kind `resource` state both columns of `steps` themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    alerts: list[float] = Field(min_length=1)

    @property
    def steps(self) -> tuple[str, ...]:
        """Return the evidence columns that state how much of a budget is spent; see forecast_vs_budget."""
        return ("month", "reached_percent")


class ExplainHeader(BaseModel):
    """How the findings of a detection state a cost increase, which is then broken down into cost drivers.

    `days` names the two columns that hold its first and last day. `excess` says which amount the cost drivers add up
    to: the finding's `monthly_cost`, or the cost above the same weekdays of the previous `weeks`. `charges` limits the
    charges: tokens, GPU usage, internet transfer, or (`first`) usage together with purchases and fees. With
    `by_service`, a finding without a service name covers the charges that name no service instead of all services.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    charges: Literal["all", "tokens", "gpu", "transfer", "first"] = "all"
    days: tuple[str, str] = ("first_day", "last_day")
    excess: Literal["monthly_cost", "above_previous_weeks"] = "monthly_cost"
    by_service: bool = False
    weeks: int = Field(default=4, ge=1, le=8)


class DetectionHeader(Header):
    """The settings of a detection and the text of its findings.

    `providers` are those whose charges it evaluates: AWS's alone, or all. For a resource of another provider,
    `action_of_others` replaces `action`; it is required if `action` has commands of AWS. Every row that the detection
    returns depends on a charge of one of `ai_families`, so it does not run on a bill without such charges; without
    `ai_families`, it always runs.
    `notify` is when a finding is notified: `on_change` when it is new, changes or is resolved; `every_run` each time
    it occurs, and not when it is resolved; `once` only the first time. With `steps`, a finding is notified again each
    time these columns of its evidence are greater than before, and for no other change. New findings are also sent to
    `topic`, an SNS topic that the deployment creates as `focuswatch-TOPIC`. `names` decides which finding leads an
    incident: one that names the `cause` (what runs, what is idle), then one that names only the `place` where something
    started, then one that states only an `amount`. `security_types` are the types of the findings in
    Security Hub and OCSF. `estimate`: its amounts are
    estimates, which findings of the bill replace: both form one incident.
    """

    category: Category
    providers: Literal["AWS", "all"] = "AWS"
    ai_families: list[AiFamily] = []
    schedule: Literal["daily", "every_refresh", "weekly"]
    status: Literal["live", "trial", "off"] = "live"
    kind: Literal["resource", "series", "forecast"] = "resource"
    scoring: Scoring | None = None
    pace: PaceHeader | None = None
    explain: ExplainHeader | None = None
    notify: Literal["on_change", "every_run", "once"] = "on_change"
    names: Names = "cause"
    security_types: list[SecurityType] = Field(default=["Unusual Behaviors"], min_length=1)
    steps: list[str] = []
    estimate: bool = False
    topic: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{2,40}$")
    reason: str = Field(min_length=20)
    action: str = Field(min_length=20)
    action_of_others: str | None = Field(default=None, min_length=20)
    blind_spots: list[str] = Field(min_length=1)
    sources: list[str] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _rename_old_keys(cls, keys: Any) -> Any:
        """Accept `told`, the old name of `notify`, and its old value `each_time`."""
        if isinstance(keys, dict) and "told" in keys and "notify" not in keys:
            keys = {**keys, "notify": {"each_time": "every_run"}.get(keys["told"], keys["told"])}
            del keys["told"]
        return keys

    @property
    def step_columns(self) -> tuple[str, ...]:
        """Return the evidence columns that order the steps of a finding; empty where it has none."""
        return self.pace.steps if self.pace else tuple(self.steps)

    @field_validator("topic")
    @classmethod
    def _refuse_reserved_topic(cls, topic: str | None) -> str | None:
        if topic in RESERVED_TOPICS:
            raise ValueError(f"the topic '{topic}' is reserved for focuswatch; choose another name")
        return topic
