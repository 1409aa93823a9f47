/*
title     = "A security service stopped while the account goes on"
category  = "security"
schedule  = "daily"
why       = """
Whoever breaks in turns off what would report it: GuardDuty, CloudTrail, Config, Security Hub, Inspector.
They bill every day. When that stops in a region where everything else goes on being billed, someone stopped the guarding.
"""
reason    = "{service_name} was charged every day in {region_id} up to {last_day}, and not once in the {dark_days} settled days since, while other services ({other_services}) are charged there to this day."
action    = """
1. Was it meant? Ask the security team for a change in {region_id} around {last_day}: a new delegated administrator, an organisation trail in place of the account's own.
2. Who stopped it: aws cloudtrail lookup-events --region {region_id} --start-time {last_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false, and look for {stop_events}
3. Nobody meant it: turn it on again ({state_command} shows its state), and treat the account as broken into until proven otherwise.
"""
blind_spots = [
  "A service that stops for the whole region or a closed account is quiet; one that is charged by events (Config, CloudTrail data events) may fall silent for want of events.",
  "A protection plan, a rule or a trail that is switched off while another meter of the same service goes on is not seen: GuardDuty that is disabled still bills Malware Protection for S3.",
  "A first trail's management events are free: CloudTrail without a charge may still be recording, or never have been seen.",
  "Security Hub and Security Hub CSPM are taken as one service.",
]
sources   = [
  "https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_suspend-disable.html",
  "https://aws.amazon.com/guardduty/pricing/",
  "https://aws.amazon.com/cloudtrail/pricing/",
  "https://aws.amazon.com/config/pricing/",
  "https://attack.mitre.org/techniques/T1562/008/",
]
[parameters]
charged_days = 21
least_dark_days = 2
most_dark_days = 60
*/
WITH guards AS (
    SELECT *
    FROM (
        VALUES
            ('GuardDuty', 'DeleteDetector or UpdateDetector', 'aws guardduty list-detectors'),
            ('CloudTrail', 'StopLogging, DeleteTrail or PutEventSelectors', 'aws cloudtrail describe-trails'),
            ('AWS Config', 'StopConfigurationRecorder or DeleteConfigurationRecorder',
                'aws configservice describe-configuration-recorder-status'),
            ('Security Hub', 'DisableSecurityHub', 'aws securityhub describe-hub'),
            ('Inspector', 'Disable', 'aws inspector2 batch-get-account-status')
    ) AS guard (guard, stop_events, state_command)
),
guard_names AS (
    SELECT names.service_name, guards.guard
    FROM (SELECT DISTINCT ServiceName AS service_name FROM daily_services) AS names
    INNER JOIN guards ON strpos(names.service_name, guards.guard) > 0
),
guard_ends AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        guard_names.guard,
        max(charges.charge_date) AS last_day
    FROM daily_services AS charges
    INNER JOIN guard_names ON charges.ServiceName = guard_names.service_name
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_dark_days + 14) AS date)
        AND charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)      -- a free trial guards too
    GROUP BY 1, 2, 3
    HAVING date_diff('day', max(charges.charge_date), $as_of) > $least_dark_days  -- back on an unsettled day is back
),
dark_guards AS (
    SELECT
        guard_ends.sub_account_id,
        guard_ends.region_id,
        guard_ends.guard,
        guard_ends.last_day,
        count(*) AS dark_days
    FROM guard_ends
    INNER JOIN completeness
        ON guard_ends.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND completeness.charge_date > guard_ends.last_day
    WHERE completeness.is_settled
    GROUP BY 1, 2, 3, 4
    HAVING count(*) BETWEEN $least_dark_days AND $most_dark_days
),
steady_guards AS (
    SELECT
        dark_guards.sub_account_id,
        dark_guards.region_id,
        dark_guards.guard,
        dark_guards.last_day,
        dark_guards.dark_days,
        max_by(charges.ServiceName, charges.charge_date) FILTER (WHERE charges.ServiceName IS NOT NULL) AS service_name,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN guard_names ON charges.ServiceName = guard_names.service_name
    INNER JOIN dark_guards
        ON guard_names.guard = dark_guards.guard
        AND charges.SubAccountId IS NOT DISTINCT FROM dark_guards.sub_account_id
        AND charges.RegionId IS NOT DISTINCT FROM dark_guards.region_id
    INNER JOIN completeness
        ON charges.charge_date = completeness.charge_date
        AND charges.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
        AND completeness.settled_recency BETWEEN dark_guards.dark_days + 1 AND dark_guards.dark_days + $charged_days
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_dark_days + $charged_days + 14) AS date)
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(DISTINCT charges.charge_date) = $charged_days
),
other_days AS (
    SELECT
        steady_guards.sub_account_id,
        steady_guards.region_id,
        steady_guards.guard,
        charges.ServiceName AS service,
        charges.charge_date,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN steady_guards
        ON charges.SubAccountId IS NOT DISTINCT FROM steady_guards.sub_account_id
        AND charges.RegionId IS NOT DISTINCT FROM steady_guards.region_id
        AND charges.charge_date > steady_guards.last_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_dark_days + 14) AS date)
        AND NOT charges.is_edge                                     -- viewers go on in a region that the account left
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)
    GROUP BY 1, 2, 3, 4, 5
),
living_regions AS (
    SELECT
        other_days.sub_account_id,
        other_days.region_id,
        other_days.guard,
        count(DISTINCT other_days.charge_date) AS living_days
    FROM other_days
    INNER JOIN completeness
        ON other_days.charge_date = completeness.charge_date
        AND other_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    WHERE completeness.is_settled
    GROUP BY 1, 2, 3
    HAVING min(completeness.settled_recency) = 1                    -- still there, not wound down a little later
),
other_services AS (
    SELECT
        sub_account_id,
        region_id,
        guard,
        service,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, guard
            ORDER BY sum(effective_cost) DESC, service
        ) AS place
    FROM other_days
    GROUP BY 1, 2, 3, 4
),
named_services AS (
    SELECT sub_account_id, region_id, guard, array_agg(service ORDER BY place) AS other_services
    FROM other_services
    WHERE place <= 3
    GROUP BY 1, 2, 3
)
SELECT
    steady_guards.sub_account_id,
    steady_guards.region_id,
    CAST(NULL AS varchar) AS resource_id,
    steady_guards.effective_cost AS monthly_cost,
    steady_guards.service_name,
    steady_guards.last_day,
    steady_guards.dark_days,
    living_regions.living_days,
    named_services.other_services,
    $charged_days AS charged_days,
    guards.stop_events,
    guards.state_command
FROM steady_guards
INNER JOIN guards ON steady_guards.guard = guards.guard
INNER JOIN living_regions
    ON steady_guards.guard = living_regions.guard
    AND steady_guards.sub_account_id IS NOT DISTINCT FROM living_regions.sub_account_id
    AND steady_guards.region_id IS NOT DISTINCT FROM living_regions.region_id
INNER JOIN named_services
    ON steady_guards.guard = named_services.guard
    AND steady_guards.sub_account_id IS NOT DISTINCT FROM named_services.sub_account_id
    AND steady_guards.region_id IS NOT DISTINCT FROM named_services.region_id
LEFT JOIN (
    SELECT DISTINCT sub_account_id
    FROM accounts
    WHERE closed_on IS NOT NULL
) AS closed_accounts ON steady_guards.sub_account_id = closed_accounts.sub_account_id
WHERE living_regions.living_days >= $least_dark_days
    AND closed_accounts.sub_account_id IS NULL
ORDER BY monthly_cost DESC, steady_guards.sub_account_id, steady_guards.region_id, steady_guards.service_name
