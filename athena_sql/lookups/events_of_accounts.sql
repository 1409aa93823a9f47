/*
title = "Operational events of accounts in a period"
why   = """
Findings, the weekly digest and the report page show operational events (deployments, alarms, AWS Health) next to costs.
For the accounts in `account_ids`, the query returns the events from `first_day` to the day before `end_day`. The module
focuswatch.findings.match_operational_events_to_services_and_resources then selects the events for the service or resource whose cost
changed. An event on the day of a cost change is not necessarily the cause of the change.
"""
reads = ["events"]
[parameters]
account_ids = []
first_day = 2000-01-01
end_day = 2000-01-01
most = 20000                   # maximum number of events, newest first
*/
SELECT
    occurred_at,
    sub_account_id,
    region_id,
    service_name,
    resource_id,
    kind,
    reference
FROM events
WHERE sub_account_id IN ($account_ids)
    AND CAST(occurred_at AS date) >= $first_day
    AND CAST(occurred_at AS date) < $end_day
ORDER BY occurred_at DESC, sub_account_id, kind, service_name, resource_id, reference
LIMIT $most
