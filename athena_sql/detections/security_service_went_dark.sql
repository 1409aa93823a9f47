/*
title     = "Security service stopped"
category  = "security"
schedule  = "daily"
security_types = ["TTPs/Defense Evasion/SecurityServiceStopped"]  # https://attack.mitre.org/techniques/T1562/
why       = """
Attackers disable the services that would detect the attack, such as GuardDuty, CloudTrail, Config, Security Hub and
Inspector. An enabled security service usually has charges every day. If its charges stop in a Region where other
services are still billed, someone probably disabled the security service.
"""
reason    = "Account {sub_account_name} was billed for {service_name} in {region_id} every day through {last_day}, but not on the {stopped_days} complete days since then. Other services in the Region ({other_services}) are still billed."
action    = """
1. Ask the security team whether a change was planned in {region_id} around {last_day}, such as a new delegated administrator or an organization trail that replaces the account's trail.
2. Search CloudTrail for {stop_events}, and identify who stopped the service: aws cloudtrail lookup-events --region {region_id} --start-time {last_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false
3. If the service was stopped without authorization, enable the service again, treat the account as compromised until you have confirmed the cause, and check the state of the service: {state_command}
"""
blind_spots = [
  "A security service that stops in a Region without other charges, or in a closed account, is not reported.",
  "AWS charges for Config per recorded configuration item and for CloudTrail per data event, so a recorder or trail that records nothing has no charges. If an enabled recorder or trail records nothing for days, focuswatch reports the service as stopped.",
  "A security service counts as active while any of its usage types is billed, so a disabled protection plan, rule or trail is not reported. A disabled GuardDuty detector is not reported while GuardDuty Malware Protection for S3 is billed.",
  "The first copy of management events is free. A trail that records only this copy has no charges, so this detection cannot determine whether the trail stopped.",
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
service_days AS (                                                   -- days on which a security service was active
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        security_services.security_service,
        charges.charge_date,
        charges.ServiceName AS service_name,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_services AS charges
    INNER JOIN security_services ON strpos(charges.ServiceName, security_services.security_service) > 0
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($most_stopped_days + $charged_days + 14) AS date)
        AND charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND (charges.is_consumed OR charges.EffectiveCost > 0)      -- a free trial counts as active
    GROUP BY 1, 2, 3, 4, 5
),
dated_days AS (
    SELECT
        service_days.*,
        completeness.settled_recency,                               -- null on an unsettled day
        max(service_days.charge_date) OVER place_services AS last_day,
        max(CASE WHEN completeness.is_settled THEN service_days.charge_date END) OVER place_services AS last_settled_day,
        min(completeness.settled_recency) OVER place_services AS last_recency
    FROM service_days
    INNER JOIN completeness
        ON service_days.charge_date = completeness.charge_date
        AND service_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    WINDOW place_services AS (
        PARTITION BY service_days.sub_account_id, service_days.region_id, service_days.security_service
    )
),
steady_services AS (
    SELECT
        sub_account_id,
        region_id,
        security_service,
        last_day,
        last_recency - 1 AS stopped_days,                           -- complete days since its last one
        max_by(service_name, charge_date) FILTER (WHERE service_name IS NOT NULL) AS service_name,
        sum(effective_cost) AS effective_cost
    FROM dated_days
    WHERE last_day = last_settled_day                               -- charges on unsettled days count as active
        AND last_day >= CAST($as_of - INTERVAL '1' DAY * ($most_stopped_days + 14) AS date)
        AND date_diff('day', last_day, $as_of) > $least_stopped_days
        AND last_recency - 1 BETWEEN $least_stopped_days AND $most_stopped_days
        AND settled_recency BETWEEN last_recency AND last_recency - 1 + $charged_days
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(DISTINCT charge_date) = $charged_days
),
other_days AS (
    SELECT
        steady_services.sub_account_id,
        steady_services.region_id,
        steady_services.security_service,
        steady_services.last_day,
        steady_services.stopped_days,
        steady_services.service_name,
        steady_services.effective_cost AS security_cost,
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
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
costed_days AS (
    SELECT
        other_days.*,
        completeness.settled_recency,
        sum(other_days.effective_cost) OVER services AS service_cost,
        row_number() OVER (
            PARTITION BY other_days.sub_account_id, other_days.region_id, other_days.security_service, other_days.service
            ORDER BY other_days.charge_date
        ) AS day_number
    FROM other_days
    LEFT JOIN completeness
        ON other_days.charge_date = completeness.charge_date
        AND other_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    WINDOW services AS (
        PARTITION BY other_days.sub_account_id, other_days.region_id, other_days.security_service, other_days.service
    )
),
ranked_days AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, security_service, day_number
            ORDER BY service_cost DESC, service
        ) AS place                                                  -- of a service, where day_number is 1
    FROM costed_days
),
active_regions AS (
    SELECT
        sub_account_id,
        region_id,
        security_service,
        last_day,
        stopped_days,
        service_name,
        security_cost,
        count(DISTINCT CASE WHEN settled_recency IS NOT NULL THEN charge_date END) AS other_service_days,
        array_agg(service ORDER BY place) FILTER (WHERE day_number = 1 AND place <= 3) AS other_services
    FROM ranked_days
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING min(settled_recency) = 1                                 -- still active, and not shut down a little later
)
SELECT
    active_regions.sub_account_id,
    active_regions.region_id,
    CAST(NULL AS varchar) AS resource_id,
    active_regions.security_cost AS monthly_cost,
    active_regions.service_name,
    active_regions.last_day,
    active_regions.stopped_days,
    active_regions.other_service_days,
    active_regions.other_services,
    $charged_days AS charged_days,
    security_services.stop_events,
    security_services.state_command
FROM active_regions
INNER JOIN security_services ON active_regions.security_service = security_services.security_service
LEFT JOIN (
    SELECT DISTINCT sub_account_id
    FROM accounts
    WHERE closed_on IS NOT NULL
) AS closed_accounts ON active_regions.sub_account_id = closed_accounts.sub_account_id
WHERE active_regions.other_service_days >= $least_stopped_days
    AND closed_accounts.sub_account_id IS NULL
ORDER BY monthly_cost DESC, active_regions.sub_account_id, active_regions.region_id, active_regions.service_name
