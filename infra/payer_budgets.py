"""AWS Budgets in the payer account: OpenSearch Serverless, AI services, Regions that are not approved, and each team.

`FilterExpression` requires `Metrics`; without `Metrics`, the created budget does not work:
https://github.com/hashicorp/terraform-provider-aws/issues/46866
AWS Budgets accepts only USD in most accounts ("AUD is not in the supported unit set: [USD]"), so a team's budget in
the billing currency is converted: https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/682
Values are listed exactly; whether Budgets accepts other match options is not verified (docs/unproven.md).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from aws_cdk import aws_budgets
from constructs import Construct

from focuswatch.aws_alerts.budget_alert_findings import UNAPPROVED_REGIONS_SUFFIX
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD, converted
from focuswatch.operations.deployment_toml_sections import BudgetsConfig
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Team

CENT = Decimal("0.01")  # a limit of 0 may be rejected
Expression = aws_budgets.CfnBudget.ExpressionProperty
Notification = aws_budgets.CfnBudget.NotificationProperty

# Prefixes of usage types, by Region: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-region-billing-codes.html
# EUW1 is not listed there: eu-west-1 has the prefix EU, but some services are reported to use EUW1.
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
OPENSEARCH = "Amazon OpenSearch Service"  # OpenSearch Serverless is billed under it too
NO_REGION = ("global", "NoRegion")  # the values for global services
# These services charge in the Region of the traffic, even if the account does not use this Region;
# tables/daily_charges.sql marks their charges as `is_edge`. WAF and Shield for CloudFront are charged as global.
TRAFFIC_SERVICES = ("Amazon CloudFront", "AWS Global Accelerator")
TRAFFIC_METERS = (
    "Lambda-Edge-Request",
    "Lambda-Edge-GB-Second",
    "DataTransfer-In-ABytes",  # S3 Transfer Acceleration
    "DataTransfer-Out-ABytes",
)
# Charge types (record types in the API) that would offset usage:
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/manage-cost-categories.html (Term comparisons)
NOT_SPENT = ("Credit", "Refund")


class PayerBudgets(Construct):
    """Three budgets for the organization, and one for each team with `monthly_budget`."""

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
        actual = [_actual(percent) for percent in (70, 85, 100)]
        self._budget(
            "opensearch-serverless",
            amount=config.opensearch_serverless_usd,
            counted=opensearch_serverless(),
            notifications=[*actual, _forecast()],
        )
        self._budget(
            "ai-services",
            amount=config.ai_usd,
            counted=ai_services(config),
            notifications=[*actual, _forecast()],
        )
        # The limit is 1 USD with an alert at 1 %: a limit of 0 may be rejected, and CloudFormation accepts no threshold
        # below 0.1.
        self._budget(
            UNAPPROVED_REGIONS_SUFFIX,
            amount=Decimal(1),
            counted=unapproved_regions(config.approved_regions),
            notifications=[_actual(1)],
        )
        for team_name, team in owners.teams.items():
            if team.monthly_budget:
                counted = of_team(team_name, team, owner_tags=owners.routing.owner_tags)
                self._budget(
                    f"team-{team_name}",
                    amount=team.monthly_budget,
                    currency=billing_currency,
                    counted=counted,
                    notifications=[_actual(85), _actual(100), _forecast()],
                )

    def _budget(
        self,
        id: str,
        *,
        amount: Decimal,
        counted: Expression,
        notifications: Sequence[Notification],
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
                budget.NotificationWithSubscribersProperty(
                    notification=notification, subscribers=self._subscribers
                )
                for notification in notifications
            ],
        )


def before_credits(counted: Expression) -> Expression:
    """Return the filter without credits and refunds, which would keep an organization below its limits."""
    usage = Expression(not_=dimension("RECORD_TYPE", NOT_SPENT))
    conditions = counted.and_
    return (
        Expression(and_=[*conditions, usage])
        if isinstance(conditions, list)
        else Expression(and_=[counted, usage])
    )


def opensearch_serverless() -> Expression:
    """Return the filter for OCUs and storage of OpenSearch Serverless, without managed domains of the same service."""
    meters = [f"{code}-{meter}" for code in REGION_CODES for meter in OCU_METERS]
    return Expression(and_=[dimension("SERVICE", [OPENSEARCH]), dimension("USAGE_TYPE", meters)])


def ai_services(config: BudgetsConfig) -> Expression:
    """Return the filter for AI charges: the configured services, OpenSearch Serverless, and optionally Marketplace."""
    counted = [dimension("SERVICE", config.ai_services), opensearch_serverless()]
    if config.count_all_marketplace:
        counted.append(dimension("BILLING_ENTITY", ["AWS Marketplace"]))
    return Expression(or_=counted)


def unapproved_regions(approved: Sequence[str]) -> Expression:
    """Return the filter for charges in Regions that are not approved, without charges of edge locations."""
    meters = [*TRAFFIC_METERS, *(f"{code}-{meter}" for code in REGION_CODES for meter in TRAFFIC_METERS)]
    excluded = (
        dimension("REGION", [*approved, *NO_REGION]),
        dimension("SERVICE", TRAFFIC_SERVICES),
        dimension("USAGE_TYPE", meters),
    )
    return Expression(and_=[Expression(not_=charges) for charges in excluded])


def of_team(name: str, team: Team, *, owner_tags: Sequence[str]) -> Expression:
    """Return the filter for the accounts and tags of a team.

    AWS Budgets has no filter for OUs. A team that owns OUs must also list their accounts.
    """
    values: dict[str, list[str]] = {key: [name] for key in owner_tags}
    for key, named in team.owns.tags.items():
        values[key] = [*named, *(value for value in values.get(key, []) if value not in named)]
    counted = [_tag(key, named) for key, named in values.items()]
    if team.owns.accounts:
        counted.append(dimension("LINKED_ACCOUNT", team.owns.accounts))
    return counted[0] if len(counted) == 1 else Expression(or_=counted)


def of_tags(tags: Mapping[str, Sequence[str]]) -> Expression:
    """Return the filter for charges with one of these tag values."""
    counted = [_tag(key, values) for key, values in tags.items() if values]
    return counted[0] if len(counted) == 1 else Expression(or_=counted)


def dimension(key: str, values: Sequence[str]) -> Expression:
    """Return the filter for charges whose dimension `key` has one of `values`."""
    return Expression(
        dimensions=aws_budgets.CfnBudget.ExpressionDimensionValuesProperty(key=key, values=list(values))
    )


def _tag(key: str, values: Sequence[str]) -> Expression:
    return Expression(tags=aws_budgets.CfnBudget.TagValuesProperty(key=key, values=list(values)))


def _actual(percent: int) -> Notification:
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
    topic = [subscriber(subscription_type="SNS", address=topic_arn)]
    return [*topic, *(subscriber(subscription_type="EMAIL", address=email) for email in emails)]
