/*
title     = "Security service stopped"
category  = "security"
schedule  = "daily"
security_types = ["TTPs/Defense Evasion/SecurityServiceStopped"]  # https://attack.mitre.org/techniques/T1562/
why       = """
Attackers disable the services that would detect the attack: GuardDuty, CloudTrail, Config, Security Hub, Inspector. AWS
bills an enabled security service every day. If a security service is no longer billed in a Region where other services
are still billed, the security service was probably disabled.
"""
reason    = "Account {sub_account_name} was billed for {service_name} in {region_id} every day through {last_day}, but not on the {stopped_days} complete days since then. Other services in the Region ({other_services}) are still billed."
action    = """
1. Ask the security team whether a change was planned in {region_id} around {last_day}, such as a new delegated administrator or an organization trail that replaces the account's trail.
2. Identify who stopped the service: aws cloudtrail lookup-events --region {region_id} --start-time {last_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false, and look for {stop_events}
3. If unauthorized: enable the service again (check its state: {state_command}), and treat the account as compromised until you have confirmed the cause.
"""
blind_spots = [
  "A security service that stops in a Region without other charges, or in a closed account, is not reported.",
  "AWS bills Config per recorded configuration item and CloudTrail per data event. If Config or CloudTrail is enabled but records nothing for days, its charges stop, and the service is reported as stopped.",
  "A security service counts as active while any of its usage types is billed, so a disabled protection plan, rule or trail is not reported. A disabled GuardDuty detector is not reported while GuardDuty Malware Protection for S3 is billed.",
  "AWS does not charge for the first copy of management events, so CloudTrail can record events without being billed.",
  "Security Hub and Security Hub CSPM count as one service.",
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
least_stopped_days = 2
most_stopped_days = 60
[needs]
history_days = 21
*/
WITH security_services AS (
    SELECT *
    FROM (
        VALUES
            ('GuardDuty', 'DeleteDetector or UpdateDetector', 'aws guardduty list-detectors'),
            ('CloudTrail', 'StopLogging, DeleteTrail or PutEventSelectors', 'aws cloudtrail describe-trails'),
            ('AWS Config', 'StopConfigurationRecorder or DeleteConfigurationRecorder',
                'aws configservice describe-configuration-recorder-status'),
            ('Security Hub', 'DisableSecurityHub', 'aws securityhub describe-hub'),
            ('Inspector', 'Disable', 'aws inspector2 batch-get-account-status')
    ) AS listed (security_service, stop_events, state_command)
),
service_names AS (
    SELECT names.service_name, security_services.security_service
    FROM (SELECT DISTINCT ServiceName AS service_name FROM daily_services) AS names
    INNER JOIN security_services ON strpos(names.service_name, security_services.security_service) > 0
),
service_ends AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        service_names.security_service,
        max(charges.charge_date) AS last_day
    FROM daily_services AS charges
    INNER JOIN service_names ON charges.ServiceName = service_names.service_name
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_stopped_days + 14) AS date)
        AND charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)      -- a free trial counts as active
    GROUP BY 1, 2, 3
    HAVING date_diff('day', max(charges.charge_date), $as_of) > $least_stopped_days  -- charges on unsettled days count as active
),
stopped_services AS (
    SELECT
        service_ends.sub_account_id,
        service_ends.region_id,
        service_ends.security_service,
        service_ends.last_day,
        count(*) AS stopped_days
    FROM service_ends
    INNER JOIN completeness
        ON service_ends.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND completeness.charge_date > service_ends.last_day
    WHERE completeness.is_settled
    GROUP BY 1, 2, 3, 4
    HAVING count(*) BETWEEN $least_stopped_days AND $most_stopped_days
),
steady_services AS (
    SELECT
        stopped_services.sub_account_id,
        stopped_services.region_id,
        stopped_services.security_service,
        stopped_services.last_day,
        stopped_services.stopped_days,
        max_by(charges.ServiceName, charges.charge_date) FILTER (WHERE charges.ServiceName IS NOT NULL) AS service_name,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN service_names ON charges.ServiceName = service_names.service_name
    INNER JOIN stopped_services
        ON service_names.security_service = stopped_services.security_service
        AND charges.SubAccountId IS NOT DISTINCT FROM stopped_services.sub_account_id
        AND charges.RegionId IS NOT DISTINCT FROM stopped_services.region_id
    INNER JOIN completeness
        ON charges.charge_date = completeness.charge_date
        AND charges.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
        AND completeness.settled_recency BETWEEN stopped_services.stopped_days + 1 AND stopped_services.stopped_days + $charged_days
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_stopped_days + $charged_days + 14) AS date)
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(DISTINCT charges.charge_date) = $charged_days
),
other_days AS (
    SELECT
        steady_services.sub_account_id,
        steady_services.region_id,
        steady_services.security_service,
        charges.ServiceName AS service,
        charges.charge_date,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN steady_services
        ON charges.SubAccountId IS NOT DISTINCT FROM steady_services.sub_account_id
        AND charges.RegionId IS NOT DISTINCT FROM steady_services.region_id
        AND charges.charge_date > steady_services.last_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_stopped_days + 14) AS date)
        AND NOT charges.is_edge                                     -- edge traffic continues in a region that the account left
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)
    GROUP BY 1, 2, 3, 4, 5
),
active_regions AS (
    SELECT
        other_days.sub_account_id,
        other_days.region_id,
        other_days.security_service,
        count(DISTINCT other_days.charge_date) AS other_service_days
    FROM other_days
    INNER JOIN completeness
        ON other_days.charge_date = completeness.charge_date
        AND other_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    WHERE completeness.is_settled
    GROUP BY 1, 2, 3
    HAVING min(completeness.settled_recency) = 1                    -- still active, and not shut down a little later
),
other_services AS (
    SELECT
        sub_account_id,
        region_id,
        security_service,
        service,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, security_service
            ORDER BY sum(effective_cost) DESC, service
        ) AS place
    FROM other_days
    GROUP BY 1, 2, 3, 4
),
named_services AS (
    SELECT sub_account_id, region_id, security_service, array_agg(service ORDER BY place) AS other_services
    FROM other_services
    WHERE place <= 3
    GROUP BY 1, 2, 3
)
SELECT
    steady_services.sub_account_id,
    steady_services.region_id,
    CAST(NULL AS varchar) AS resource_id,
    steady_services.effective_cost AS monthly_cost,
    steady_services.service_name,
    steady_services.last_day,
    steady_services.stopped_days,
    active_regions.other_service_days,
    named_services.other_services,
    $charged_days AS charged_days,
    security_services.stop_events,
    security_services.state_command
FROM steady_services
INNER JOIN security_services ON steady_services.security_service = security_services.security_service
INNER JOIN active_regions
    ON steady_services.security_service = active_regions.security_service
    AND steady_services.sub_account_id IS NOT DISTINCT FROM active_regions.sub_account_id
    AND steady_services.region_id IS NOT DISTINCT FROM active_regions.region_id
INNER JOIN named_services
    ON steady_services.security_service = named_services.security_service
    AND steady_services.sub_account_id IS NOT DISTINCT FROM named_services.sub_account_id
    AND steady_services.region_id IS NOT DISTINCT FROM named_services.region_id
LEFT JOIN (
    SELECT DISTINCT sub_account_id
    FROM accounts
    WHERE closed_on IS NOT NULL
) AS closed_accounts ON steady_services.sub_account_id = closed_accounts.sub_account_id
WHERE active_regions.other_service_days >= $least_stopped_days
    AND closed_accounts.sub_account_id IS NULL
ORDER BY monthly_cost DESC, steady_services.sub_account_id, steady_services.region_id, steady_services.service_name
