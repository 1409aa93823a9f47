"""Alerts of AWS Budgets and Cost Anomaly Detection in their original format; tests change the field that matters."""

import json
from typing import Any

# The format is that of a received message in the webhook tests of https://github.com/cds-snc/sre-bot.
BUDGET = """\
AWS Budget Notification {written}
AWS Account 999900001111

Dear AWS Customer,

You requested that we alert you when the {kind} Cost associated with your {name} budget is greater than \
{threshold} {per}. The {kind} Cost associated with this budget is {reached}. You can find additional details \
below and by accessing the AWS Budgets dashboard [1].

Budget Name: {name}
Budget Type: {about}
Budgeted Amount: {limit}
Alert Type: {kind}
Alert Threshold: {operator} {threshold}
{kind} Amount: {reached}

[1] https://console.aws.amazon.com/billing/home#/budgets
"""


def budget_message(
    name: str = "focuswatch-team-search",
    *,
    limit: str = "$12,000.00",
    threshold: str = "$10,200.00",
    reached: str = "$10,230.00",
    kind: str = "ACTUAL",
    about: str = "Cost",
    operator: str = ">",
    per: str = "for the current month",
    written: str = "November 21, 2026",
) -> str:
    """Return the text of an alert of AWS Budgets."""
    return BUDGET.format(
        name=name,
        limit=limit,
        threshold=threshold,
        reached=reached,
        kind=kind,
        about=about,
        operator=operator,
        per=per,
        written=written,
    )


def anomaly_message(*, impact: float = 1001, end: str = "2026-11-20T00:00:00Z", **changed: Any) -> str:
    """Return an anomaly alert as AWS documents it; a field that is changed to None is omitted.

    https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
    """
    fields = {
        "accountId": "999900001111",
        "anomalyDetailsLink": "https://console.aws.amazon.com/cost-management/home#/anomaly-detection/monitors/m/anomalies/a",
        "anomalyEndDate": end,
        "anomalyId": "12345678-abcd-ef12-3456-987654321a12",
        "anomalyScore": {"currentScore": 0.47, "maxScore": 0.47},
        "anomalyStartDate": "2026-11-18T00:00:00Z",
        "dimensionalValue": "Amazon Bedrock",
        "impact": {
            "maxImpact": 151,
            "totalActualSpend": 300 + impact,
            "totalExpectedSpend": 300,
            "totalImpact": impact,
            "totalImpactPercentage": 333.67,
        },
        "monitorArn": "arn:aws:ce::999900001111:anomalymonitor/abcdef12-1234-4ea0-84cc-918a97d736ef",
        "rootCauses": [
            {
                "linkedAccount": "111122223333",
                "linkedAccountName": "search-prod",
                "region": "eu-west-1",
                "service": "Amazon Bedrock",
                "usageType": "EUW1-Claude-output-tokens",
                "impact": {"contribution": 601},
            }
        ],
        "subscriptionId": "874c100c-59a6-4abb-a10a-4682cc3f2d69",
        "subscriptionName": "focuswatch-anomalies",
    }
    return json.dumps({key: value for key, value in (fields | changed).items() if value is not None})
