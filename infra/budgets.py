"""The payer's budgets: floors that never sleep, regions nobody approved, all AI, and every team's own.

`FilterExpression` always comes with `Metrics`, or the budget is made broken:
https://github.com/hashicorp/terraform-provider-aws/issues/46866
AWS Budgets takes USD alone in most accounts ("AUD is not in the supported unit set: [USD]"), so a team's budget in the
billing currency is converted: https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/682
Values are listed exactly: whether Budgets takes other ways to match is not known (docs/unproven.md).
"""

from collections.abc import Sequence
from decimal import Decimal

from aws_cdk import aws_budgets
from constructs import Construct

from focuswatch.findings.exchange_rates import USD, converted
from focuswatch.operations.deployment_config import BudgetsConfig
from focuswatch.owners.owners_file import Owners, Team

CENT = Decimal("0.01")  # a limit of 0 may be refused
Expression = aws_budgets.CfnBudget.ExpressionProperty
Notification = aws_budgets.CfnBudget.NotificationProperty

# How usage types begin, by region: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-region-billing-codes.html
# EUW1 is not there: eu-west-1 is EU, but some services are said to write it so.
REGION_CODES = (
    *("USE1", "USE2", "USW1", "USW2", "CAN1", "CAN2", "MXC1", "SAE1", "AFS1", "ILC1", "MEC1", "MES1"),
    *(
        "EU",
        "EUW1",
        "EUW2",
        "EUW3",
        "EUC1",
        "EUC2",
        "EUN1",
        "EUS1",
        "EUS2",
        "APE1",
        "APE2",
        "APN1",
        "APN2",
        "APN3",
    ),
    *("APS1", "APS2", "APS3", "APS4", "APS5", "APS6", "APS7", "APS8", "APS9"),
)
OCU_METERS = ("SearchOCU", "IndexingOCU", "StorageUsedInS3ByteHour")
OPENSEARCH = "Amazon OpenSearch Service"  # Serverless has no service name of its own
NO_REGION = ("global", "NoRegion")  # what AWS bills worldwide
# What is charged where the traffic is, in regions that nobody chose; tables/daily_charges.sql leaves it out of the
# regions in use too. WAF and Shield for CloudFront are charged as global.
TRAFFIC_SERVICES = ("Amazon CloudFront", "AWS Global Accelerator")
TRAFFIC_METERS = (
    "Lambda-Edge-Request",
    "Lambda-Edge-GB-Second",
    "DataTransfer-In-ABytes",  # S3 Transfer Acceleration
    "DataTransfer-Out-ABytes",
)
# Charge types, called record types by the API, that would net what was used to zero:
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/manage-cost-categories.html (Term comparisons)
NOT_SPENT = ("Credit", "Refund")


class PayerBudgets(Construct):
    """A budget of the organisation's for each thing that surprises, and one for every team with `monthly_budget`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        config: BudgetsConfig,
        owners: Owners,
        topic_arn: str,
        billing_currency: str = USD,
    ) -> None:
        super().__init__(scope, id)
        self._currency, self._rates = config.currency, owners.exchange_rates
        self._name, self._subscribers = name, _subscribers(topic_arn, config.emails)
        used = [_used(percent) for percent in (70, 85, 100)]
        self._budget(
            "opensearch-serverless",
            amount=config.opensearch_serverless_usd,
            counted=opensearch_serverless(),
            told=[*used, _forecast()],
        )
        self._budget(
            "ai-services", amount=config.ai_usd, counted=ai_services(config), told=[*used, _forecast()]
        )
        # A limit of 0 may be refused, and CloudFormation takes no threshold below 0.1: one dollar, told at 1 %.
        self._budget(
            "unapproved-regions",
            amount=Decimal(1),
            counted=unapproved_regions(config.approved_regions),
            told=[_used(1)],
        )
        for team_name, team in owners.teams.items():
            if team.monthly_budget:
                counted = of_team(team_name, team, owner_tags=owners.routing.owner_tags)
                self._budget(
                    f"team-{team_name}",
                    amount=team.monthly_budget,
                    currency=billing_currency,
                    counted=counted,
                    told=[_used(85), _used(100), _forecast()],
                )

    def _budget(
        self,
        id: str,
        *,
        amount: Decimal,
        counted: Expression,
        told: Sequence[Notification],
        currency: str = USD,
    ) -> None:
        limit = converted(amount, source=currency, target=self._currency, rates=self._rates)
        budget = aws_budgets.CfnBudget
        budget(
            self,
            id,
            budget=budget.BudgetDataProperty(
                budget_name=f"{self._name}-{id}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budget.SpendProperty(
                    amount=float(max(round(limit, 2), CENT)), unit=self._currency
                ),
                filter_expression=before_credits(counted),
                metrics=["UnblendedCost"],
            ),
            notifications_with_subscribers=[
                budget.NotificationWithSubscribersProperty(notification=one, subscribers=self._subscribers)
                for one in told
            ],
        )


def before_credits(counted: Expression) -> Expression:
    """Return the filter without credits and refunds: an organisation that has some would never reach a limit."""
    spent = Expression(not_=dimension("RECORD_TYPE", NOT_SPENT))
    known = counted.and_
    return Expression(and_=[*known, spent]) if isinstance(known, list) else Expression(and_=[counted, spent])


def opensearch_serverless() -> Expression:
    """OCUs and storage of OpenSearch Serverless, and none of the managed domains that share its service name."""
    meters = [f"{code}-{meter}" for code in REGION_CODES for meter in OCU_METERS]
    return Expression(and_=[dimension("SERVICE", [OPENSEARCH]), dimension("USAGE_TYPE", meters)])


def ai_services(config: BudgetsConfig) -> Expression:
    """AI under all the names it is billed by: AWS's services, Marketplace's models, OpenSearch Serverless."""
    counted = [dimension("SERVICE", config.ai_services), opensearch_serverless()]
    if config.count_all_marketplace:
        counted.append(dimension("BILLING_ENTITY", ["AWS Marketplace"]))
    return Expression(or_=counted)


def unapproved_regions(approved: Sequence[str]) -> Expression:
    """Return what is charged in a region that is not approved, but for charges where the traffic is."""
    meters = [*TRAFFIC_METERS, *(f"{code}-{meter}" for code in REGION_CODES for meter in TRAFFIC_METERS)]
    left_out = (
        dimension("REGION", [*approved, *NO_REGION]),
        dimension("SERVICE", TRAFFIC_SERVICES),
        dimension("USAGE_TYPE", meters),
    )
    return Expression(and_=[Expression(not_=one) for one in left_out])


def of_team(name: str, team: Team, *, owner_tags: Sequence[str]) -> Expression:
    """What a team's accounts and tags are charged for. OUs have no filter in Budgets: list their accounts."""
    values: dict[str, list[str]] = {key: [name] for key in owner_tags}
    for key, named in team.owns.tags.items():
        values[key] = [*named, *(one for one in values.get(key, []) if one not in named)]
    counted = [_tag(key, named) for key, named in values.items()]
    if team.owns.accounts:
        counted.append(dimension("LINKED_ACCOUNT", team.owns.accounts))
    return counted[0] if len(counted) == 1 else Expression(or_=counted)


def dimension(key: str, values: Sequence[str]) -> Expression:
    """Charges whose dimension is one of `values`."""
    return Expression(
        dimensions=aws_budgets.CfnBudget.ExpressionDimensionValuesProperty(key=key, values=list(values))
    )


def _tag(key: str, values: Sequence[str]) -> Expression:
    return Expression(tags=aws_budgets.CfnBudget.TagValuesProperty(key=key, values=list(values)))


def _used(percent: int) -> Notification:
    return _notification("ACTUAL", percent=percent)


def _forecast() -> Notification:
    return _notification("FORECASTED", percent=100)


def _notification(kind: str, *, percent: int) -> Notification:
    return Notification(
        comparison_operator="GREATER_THAN",
        notification_type=kind,
        threshold=percent,
        threshold_type="PERCENTAGE",
    )


def _subscribers(topic_arn: str, emails: Sequence[str]) -> list[aws_budgets.CfnBudget.SubscriberProperty]:
    subscriber = aws_budgets.CfnBudget.SubscriberProperty
    told = [subscriber(subscription_type="SNS", address=topic_arn)]
    return [*told, *(subscriber(subscription_type="EMAIL", address=email) for email in emails)]
