"""Define the TOML headers of the catalog's SQL files: the settings and texts of detections, reports and tables.

Reading and parsing the files is in sql_catalog.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ID_PATTERN = r"^[a-z][a-z0-9_]{2,59}$"
RESERVED_TOPICS = ("findings", "alarms", "spending")  # SNS topics that every deployment has

Category = Literal["waste", "security", "anomaly", "governance"]
# A finding type in the Security Hub taxonomy: NAMESPACE, NAMESPACE/CATEGORY or NAMESPACE/CATEGORY/CLASSIFIER.
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-type-taxonomy.html
SecurityType = Annotated[
    str,
    Field(
        pattern=r"^(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data)(/[A-Za-z ]+){0,2}$"
    ),
]
DEFAULT_SECURITY_TYPES: tuple[SecurityType, ...] = ("Unusual Behaviors",)
Specificity = Literal["cause", "place", "amount"]  # most specific first; see `names` of DetectionHeader
Parameter = str | bool | int | float | date | list[str | int | float]


OwnersSetting = Literal[
    "monthly_budget", "use_cases", "experiments", "principal_budgets", "spend_caps", "usage_policies"
]
InputFile = Literal["principals", "recommendations", "invocations", "token_hours"]
# Values of the column ai_family, and two others: `gpu` is any charge of an instance with a GPU, `any` is any charge of
# an AI service.
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
# The evidence columns that state which share of a budget was reached, and in which month.
PACE_STEP_COLUMNS = ("month", "reached_percent")
CostColumn = Literal["effective", "billed"]
COST_COLUMNS: dict[CostColumn, str] = {"effective": "EffectiveCost", "billed": "BilledCost"}
CountedCharges = Literal["usage", "fees", "credits", "tax"]
CHARGES: tuple[CountedCharges, ...] = ("usage", "fees", "credits", "tax")


def charges_text(counted: Collection[CountedCharges]) -> str:
    """Return the text for kinds of charges in a basis, such as `usage and fees, excluding credits and tax`."""
    without = [kind for kind in CHARGES if kind not in counted]
    named = _listed([kind for kind in CHARGES if kind in counted])
    return f"{named}, excluding {_listed(without)}" if without else named


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


class NeedsHeader(BaseModel):
    """The input that a detection or report needs; `focuswatch assess` checks whether a bill has it.

    - `charges`: a SQL condition on daily_charges. Without a matching charge, there is nothing to evaluate.
    - `columns`: FOCUS columns that at least one matching charge must fill.
    - `history_days`: the number of days that the bill must have.
    - `activity`: CloudWatch namespaces, at least one of which must be collected.
    - `files`: additional input files.
    - `owners`: settings that owners.toml must have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    charges: str | None = Field(default=None, min_length=3)
    columns: list[Literal["ResourceId", "ConsumedQuantity"]] = []
    history_days: int = Field(default=1, ge=1, le=400)
    activity: list[str] = []
    files: list[InputFile] = []
    owners: list[OwnersSetting] = []


class Header(BaseModel):
    """The keys that the headers of all files have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str = Field(min_length=8, max_length=120)
    why: str = Field(min_length=20)
    parameters: dict[str, Parameter] = {}
    needs: NeedsHeader = NeedsHeader()


class TableHeader(Header):
    """The header of a table that queries read, or of a lookup query that focuswatch itself runs.

    `reads` are the tables that the query reads.
    """

    reads: list[str] = []


class OffersHeader(BaseModel):
    """The bases that a report offers: cost columns and kinds of charges.

    `cost` are the cost columns, the default first. `charges` are the kinds of charges that the report counts by
    default, and `more` the kinds that it can count in addition. The report's `basis` must name both defaults. `limits`
    states why the report does not offer all cost columns and kinds of charges.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    cost: list[CostColumn] = []
    charges: list[CountedCharges] = []
    more: list[CountedCharges] = []
    limits: str | None = Field(default=None, min_length=20, max_length=160)


class ReportHeader(Header):
    """The header of a report.

    `basis` states which cost column the report sums, and for which charges. `kind`: the rows of the query are shown
    unchanged (`rows`), are daily costs to forecast (`forecast`), or are compared with stored forecasts
    (`month_close`). `forecast_of` is a table of daily costs by team, whose forecasts for the month fill the columns
    month_to_date, forecast, low and high of each team's row.
    """

    basis: str = Field(min_length=8, max_length=160)
    kind: Literal["rows", "forecast", "month_close"] = "rows"
    offers: OffersHeader = OffersHeader()
    forecast_of: str | None = Field(default=None, pattern=ID_PATTERN)

    @model_validator(mode="after")
    def _require_the_default_basis(self) -> Self:
        """Check that `basis` contains the default texts, which focuswatch replaces when another basis is chosen."""
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
    """When a day of a series is anomalous; `least_daily_excess_usd` is converted to the billing currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    threshold: float
    least_daily_excess_usd: float = 20.0
    history_days: int = 28


class PaceHeader(BaseModel):
    """The shares of a budget (1.0: all of it) at which its owner is notified, each once a month.

    With kind `forecast`, focuswatch fills the columns in PACE_STEP_COLUMNS; with kind `resource`, the query must return
    them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    alerts: list[float] = Field(min_length=1)


class ExplainHeader(BaseModel):
    """How to break down the cost increase that a finding reports into cost drivers.

    - `days`: the evidence columns with the first and last day of the increase.
    - `excess`: the amount that the cost drivers add up to: the finding's `monthly_cost`, or the cost above the same
      weekdays of the previous `weeks`.
    - `charges`: which charges to break down: all usage, tokens, GPU usage, internet transfer, or (`first`) usage
      together with purchases and fees.
    - `by_service`: a finding without a service name covers only charges without a service name, not all services.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    charges: Literal["all", "tokens", "gpu", "transfer", "first"] = "all"
    days: tuple[str, str] = ("first_day", "last_day")
    excess: Literal["monthly_cost", "above_previous_weeks"] = "monthly_cost"
    by_service: bool = False
    weeks: int = Field(default=4, ge=1, le=8)


class DetectionHeader(Header):
    """The settings of a detection and the text of its findings.

    - `providers`: whose charges it evaluates, only those of AWS or those of all providers.
    - `action_of_others`: replaces `action` for resources of other providers than AWS. Required with `providers = "all"`
      if `action` contains an AWS command.
    - `ai_families`: every row of the detection depends on a charge of one of these AI families, so a scan does not run
      it on a bill without such charges. Empty: it always runs.
    - `notify`: what happens when a finding is no longer found; until then, the owner is notified when it is new or
      changes, and with reminders. `on_change`: the owner is notified that it is resolved. `every_run` (events): the
      owner is not notified, and the finding is new when it is found again. `once` (first charges): the finding is
      closed, and the owner is not notified when it is found again.
    - `steps`: evidence columns. A finding is notified again only when their values are greater than before.
    - `topic`: an SNS topic that also receives new findings; the deployment creates it as `focuswatch-TOPIC`.
    - `names`: decides which finding leads an incident. A finding that identifies the `cause` (the resource that runs or
      is idle) comes first, then one that identifies only the `place` where usage started, then one that states only an
      `amount`.
    - `security_types`: the types of its findings in Security Hub and OCSF.
    - `estimate`: its amounts are estimates. A finding from the bill with the same cause replaces the estimate; both
      form one incident.
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
    names: Specificity = "cause"
    security_types: list[SecurityType] = Field(default=[*DEFAULT_SECURITY_TYPES], min_length=1)
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
        """Return the evidence columns that order the steps of a finding; empty if it has no steps."""
        return PACE_STEP_COLUMNS if self.pace else tuple(self.steps)

    @field_validator("topic")
    @classmethod
    def _refuse_reserved_topic(cls, topic: str | None) -> str | None:
        if topic in RESERVED_TOPICS:
            raise ValueError(f"the topic '{topic}' is reserved for focuswatch; choose another name")
        return topic
