/*
title = "Spend before and after deployments, alarms and other events"
basis = "EffectiveCost of usage of complete days, excluding fees, credits and tax"
why   = """
Each row combines all events of one kind (such as deployment or alarm) on one day in one account and Region; the newest
rows come first. Events are grouped by service or, if they do not name a service, by resource. Each row also contains
the daily spend for this service or resource: the average of up to seven days before the event, the spend on the day of
the event, and the average of up to seven complete days after the event. Event times are in UTC. Spend is compared by
day, not by hour. An event on the day of a cost change is not necessarily the cause of the change. An event is listed
only if the bill contains charges for its account and for its service or resource. The events come from the Lambda
function `collect` or from the file that you specify with `--events`; see docs/events.md.
"""
[parameters]
days = 30
around_days = 7
most = 100
[offers]
limits = "The report compares daily usage before and after an event; fees, credits and tax are not billed by day."
*/
WITH service_keys AS (                                        -- as focuswatch.findings.match_operational_events_to_services_and_resources.service_key names services
    SELECT
        service_name,
        CASE
            WHEN lower(service_name) LIKE '%bedrock%' AND lower(service_name) NOT LIKE '%agentcore%' THEN 'bedrock'
            ELSE regexp_replace(lower(trim(service_name)), '^(amazon|aws) *| ai$', '')
        END AS service_key
    FROM (
        SELECT DISTINCT ServiceName AS service_name FROM daily_services
        UNION
        SELECT DISTINCT service_name FROM events
    ) AS names
    WHERE service_name IS NOT NULL
),
recent_events AS (
    SELECT
        CAST(events.occurred_at AS date) AS event_date,
        events.sub_account_id,
        events.region_id,
        coalesce(service_keys.service_key, events.resource_id) AS subject,
        min(coalesce(events.service_name, events.resource_id)) AS subject_name,
        events.kind,
        count(*) AS events,
        min(events.occurred_at) AS first_at,
        min_by(events.reference, events.occurred_at) FILTER (WHERE events.reference IS NOT NULL) AS reference
    FROM events
    LEFT JOIN service_keys ON events.service_name = service_keys.service_name
    WHERE CAST(events.occurred_at AS date) >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND CAST(events.occurred_at AS date) < $as_of
    GROUP BY 1, 2, 3, 4, 6
),
subject_days AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        service_keys.service_key AS subject,
        charges.charge_date,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN service_keys ON charges.ServiceName = service_keys.service_name
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($days + $around_days) AS date)
        AND charges.charge_date < $as_of
        AND coalesce(charges.ChargeCategory, 'Usage') NOT IN ('Tax', 'Credit', 'Purchase')  -- usage as in owned_days
        AND coalesce(charges.ChargeFrequency, 'Usage-Based') NOT IN ('Recurring', 'One-Time')
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS subject,
        charges.charge_date,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_charges AS charges
    WHERE charges.ResourceId IN (SELECT resource_id FROM events WHERE service_name IS NULL AND resource_id IS NOT NULL)
        AND charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($days + $around_days) AS date)
        AND charges.charge_date < $as_of
        AND coalesce(charges.ChargeCategory, 'Usage') NOT IN ('Tax', 'Credit', 'Purchase')
        AND coalesce(charges.ChargeFrequency, 'Usage-Based') NOT IN ('Recurring', 'One-Time')
    GROUP BY 1, 2, 3, 4
),
bills AS (
    SELECT
        min(charge_date) AS bill_began,
        max(CASE WHEN is_settled THEN charge_date END) AS settled_until
    FROM completeness
),
spends AS (
    SELECT
        recent_events.event_date,
        recent_events.first_at,
        recent_events.sub_account_id,
        recent_events.region_id,
        recent_events.subject_name,
        recent_events.kind,
        recent_events.events,
        recent_events.reference,
        least($around_days, date_diff('day', bills.bill_began, recent_events.event_date)) AS days_before,
        least($around_days, date_diff('day', recent_events.event_date, bills.settled_until)) AS days_after,
        sum(CASE WHEN subject_days.charge_date < recent_events.event_date THEN subject_days.effective_cost ELSE 0 END)
            AS cost_before,
        sum(CASE WHEN subject_days.charge_date = recent_events.event_date THEN subject_days.effective_cost ELSE 0 END)
            AS cost_on_day,
        sum(CASE
            WHEN subject_days.charge_date > recent_events.event_date AND subject_days.charge_date <= bills.settled_until
                THEN subject_days.effective_cost
            ELSE 0
        END) AS cost_after
    FROM recent_events
    CROSS JOIN bills
    INNER JOIN subject_days
        ON recent_events.sub_account_id = subject_days.sub_account_id
        AND recent_events.subject = subject_days.subject
        AND (recent_events.region_id IS NULL OR recent_events.region_id = subject_days.region_id)
        AND date_diff('day', recent_events.event_date, subject_days.charge_date) BETWEEN -1 * $around_days AND $around_days
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),
daily_spends AS (
    SELECT
        *,
        cost_before / nullif(CAST(greatest(days_before, 0) AS double), 0) AS daily_cost_before,
        CASE WHEN days_after >= 0 THEN cost_on_day END AS daily_cost,
        CASE WHEN days_after > 0 THEN cost_after / nullif(CAST(days_after AS double), 0) END AS daily_cost_after
    FROM spends
)
SELECT
    daily_spends.event_date,
    substr(CAST(daily_spends.first_at AS varchar), 12, 5) AS time_utc,
    daily_spends.kind,
    daily_spends.events,
    daily_spends.reference,
    daily_spends.sub_account_id,
    accounts.name AS sub_account_name,
    daily_spends.region_id,
    daily_spends.subject_name AS service_name,
    daily_spends.daily_cost_before,
    daily_spends.daily_cost,
    daily_spends.daily_cost_after,
    daily_spends.daily_cost_after - daily_spends.daily_cost_before AS movement
FROM daily_spends
LEFT JOIN accounts ON daily_spends.sub_account_id = accounts.sub_account_id
ORDER BY
    daily_spends.first_at DESC, daily_spends.sub_account_id, daily_spends.subject_name, daily_spends.kind,
    daily_spends.region_id
LIMIT $most
