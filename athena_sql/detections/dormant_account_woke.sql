/*
title     = "An account that slept for three months spends"
category  = "security"
schedule  = "every_refresh"
told      = "each_time"
why       = """
Old sandboxes and forgotten accounts keep their keys and lose their watchers.
An account that cost next to nothing for three months, and then in a day what it did not cost in a year, is either a team
that came back or somebody who found a key.
"""
reason    = "{sub_account_name} spent {daily_cost} {currency} on {woke_on}, after at most {quiet_cost} in each of the three 30-day spans before: {services}. Since then {monthly_cost} {currency}."
action    = """
1. Does anyone know of it? Ask the account's owner; nobody answers for a forgotten account, so do not wait long.
2. Who woke it: aws cloudtrail lookup-events --region us-east-1 --start-time {first_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false (and in {regions})
3. Nobody knows of it: disable its access keys and console users, stop what runs, then close the account or move it under a service control policy that denies all.
"""
blind_spots = [
  "A wake-up spread over more than the days a scan looks at stays below a day's limit; cost_anomaly may see it.",
  "Support, purchases of commitments and what is charged once on the first of a month are left out on both sides.",
  "Where the export is younger than 90 days, the spans before it are taken as quiet; 60 days must be known.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html",
  "https://attack.mitre.org/techniques/T1078/004/",
]
[parameters]
quiet_cost_usd = 10.0
woken_daily_cost_usd = 50.0
young_days = 60
*/
WITH bills AS (
    SELECT min(charge_date) AS bill_began
    FROM completeness
),
ages AS (
    SELECT
        began.sub_account_id,
        CASE
            WHEN min(accounts.joined_on) < min(began.first_charge_date) THEN min(accounts.joined_on)
            ELSE min(began.first_charge_date)                       -- an account may be there long before its first charge
        END AS account_began
    FROM (SELECT DISTINCT sub_account_id, first_charge_date FROM completeness) AS began
    LEFT JOIN accounts ON began.sub_account_id = accounts.sub_account_id
    GROUP BY 1
),
account_days AS (
    SELECT SubAccountId AS sub_account_id, charge_date, sum(EffectiveCost) AS daily_cost
    FROM daily_services
    WHERE charge_date >= CAST($news_since - INTERVAL '90' DAY AS date)
        AND charge_date < $as_of
        AND (
            (ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NULL)
        )                                                           -- no tax, no credits; a commitment is paid asleep too
        AND NOT (
            day(charge_date) = 1
            AND (ChargeCategory = 'Purchase' OR coalesce(ChargeFrequency, 'Usage-Based') <> 'Usage-Based')
        )                                                           -- month-start fees
        AND coalesce(ServiceName, '') NOT LIKE 'AWS%Support%'
        AND ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2
),
spans AS (
    SELECT
        sub_account_id,
        charge_date,
        daily_cost,
        coalesce(sum(daily_cost) OVER (
            PARTITION BY sub_account_id ORDER BY charge_date
            RANGE BETWEEN INTERVAL '30' DAY PRECEDING AND INTERVAL '1' DAY PRECEDING
        ), 0) AS last_cost,
        coalesce(sum(daily_cost) OVER (
            PARTITION BY sub_account_id ORDER BY charge_date
            RANGE BETWEEN INTERVAL '60' DAY PRECEDING AND INTERVAL '31' DAY PRECEDING
        ), 0) AS second_last_cost,
        coalesce(sum(daily_cost) OVER (
            PARTITION BY sub_account_id ORDER BY charge_date
            RANGE BETWEEN INTERVAL '90' DAY PRECEDING AND INTERVAL '61' DAY PRECEDING
        ), 0) AS third_last_cost
    FROM account_days
),
quiet_starts AS (
    SELECT
        sub_account_id,
        max(charge_date) AS first_day,
        max_by(coalesce(greatest(last_cost, greatest(second_last_cost, third_last_cost)), 0), charge_date) AS quiet_cost
    FROM spans
    WHERE charge_date >= $news_since
        AND last_cost < $quiet_cost_usd
        AND second_last_cost < $quiet_cost_usd
        AND third_last_cost < $quiet_cost_usd
    GROUP BY 1
),
wakings AS (
    SELECT
        account_days.sub_account_id,
        quiet_starts.first_day,
        quiet_starts.quiet_cost,
        min(CASE WHEN daily_cost > $woken_daily_cost_usd THEN charge_date END) AS woke_on,
        min_by(daily_cost, CASE WHEN daily_cost > $woken_daily_cost_usd THEN charge_date END) FILTER (WHERE daily_cost IS NOT NULL) AS daily_cost,
        max(charge_date) AS last_day,
        sum(daily_cost) AS effective_cost
    FROM account_days
    INNER JOIN quiet_starts
        ON account_days.sub_account_id IS NOT DISTINCT FROM quiet_starts.sub_account_id
        AND account_days.charge_date >= quiet_starts.first_day     -- a theft begun at night shows a day later
    GROUP BY 1, 2, 3
),
woken_accounts AS (
    SELECT wakings.*, ages.account_began
    FROM wakings
    INNER JOIN ages ON wakings.sub_account_id IS NOT DISTINCT FROM ages.sub_account_id
    CROSS JOIN bills
    WHERE date_diff('day', ages.account_began, wakings.woke_on) >= $young_days
        AND date_diff('day', bills.bill_began, wakings.woke_on) >= $young_days
),
woken_services AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        coalesce(charges.ServiceName, 'no service') AS service,
        max_by(coalesce(CASE WHEN charges.is_edge THEN 'edge locations' END, charges.RegionId, 'no region'), charges.EffectiveCost)
            AS region,
        row_number() OVER (
            PARTITION BY charges.SubAccountId
            ORDER BY sum(charges.EffectiveCost) DESC, charges.ServiceName
        ) AS place
    FROM daily_services AS charges
    INNER JOIN woken_accounts
        ON charges.SubAccountId IS NOT DISTINCT FROM woken_accounts.sub_account_id
        AND charges.charge_date BETWEEN woken_accounts.first_day AND woken_accounts.last_day
    WHERE charges.ChargeCategory IN ('Usage', 'Purchase')
    GROUP BY charges.SubAccountId, charges.ServiceName
),
named_services AS (
    SELECT
        sub_account_id,
        array_agg(service ORDER BY place) AS services,
        array_agg(DISTINCT region ORDER BY region) AS regions
    FROM woken_services
    WHERE place <= 3
    GROUP BY 1
)
SELECT
    woken_accounts.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    CAST(NULL AS varchar) AS resource_id,
    woken_accounts.effective_cost AS monthly_cost,
    woken_accounts.woke_on,
    woken_accounts.daily_cost,
    woken_accounts.quiet_cost,
    woken_accounts.first_day,
    woken_accounts.last_day,
    named_services.services,
    named_services.regions,
    woken_accounts.account_began
FROM woken_accounts
INNER JOIN named_services ON woken_accounts.sub_account_id IS NOT DISTINCT FROM named_services.sub_account_id
ORDER BY monthly_cost DESC, woken_accounts.sub_account_id
