"""Record alerts from AWS Budgets and Cost Anomaly Detection as findings."""

import os
from datetime import UTC, datetime
from typing import Any

from focuswatch.aws_alerts.confirm_queue_subscription import confirm_subscription, subscription_request
from focuswatch.aws_alerts.convert_aws_alert_to_finding import parse_alert
from focuswatch.aws_alerts.record_and_close_alert_findings import record_alert_finding
from focuswatch.findings.lead_order_and_incident_properties_of_detections import incident_rules
from focuswatch.notify.retry_or_dead_letter_batch import Record
from lambdas.function_decorator import Invocation, lambda_function
from lambdas.process_queue_batch_and_report_failed_messages import process_records, report_batch


@lambda_function("spending")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Record each alert in the ledger, then put `Detected` on the event bus so that `publish` notifies the owners."""
    run = invocation.run
    today = datetime.now(UTC).date()

    def record_alert(message: Record) -> str:
        if confirmation := subscription_request(message["body"]):
            return confirm_subscription(confirmation, topic_arn=os.environ["FOCUSWATCH_SPENDING_TOPIC"])
        finding = parse_alert(
            message["body"], owners=run.owners, today=today, deployment=os.environ["FOCUSWATCH_NAME"]
        )
        rules = incident_rules(run.catalog) if run.owners.routing.incidents else None
        decision = record_alert_finding(
            run.ledger, finding, today=today, rates=run.owners.exchange_rates, incident_rules=rules
        )
        return f"{finding.detection} {finding.fingerprint}: {len(decision.notifications)} notifications"

    result = process_records(invocation, record_alert)
    if result.processed:
        run.announce("Detected", "{}")
    return report_batch(run, result)
