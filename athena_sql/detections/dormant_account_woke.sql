/*
title     = "Dormant account active again"
category  = "security"
names     = "place"
schedule  = "every_refresh"
security_types = ["Unusual Behaviors/User"]
notify    = "every_run"
why       = """
Old sandbox accounts often keep valid access keys but have no active owner. If the daily cost of an old account is
almost zero for three months and then suddenly rises, either a team resumed work or the account's credentials are
compromised.
"""
reason    = "Account {sub_account_name} spent {daily_cost} {currency} on {active_again_on}, after at most {dormant_cost} {currency} in each of the three previous 30-day periods. The account has spent {monthly_cost} {currency} in total since {first_day}. Services with the highest cost: {services}."
action    = """
1. Ask the account owner whether the activity is expected. If the owner cannot be reached, do not wait: continue with the next step.
2. Identify who started the activity: aws cloudtrail lookup-events --region us-east-1 --start-time {first_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false (repeat the command for {regions})
3. If the activity was not authorized, disable the account's access keys and console users, stop the running resources, then close the account or attach a service control policy that denies all actions.
"""
blind_spots = [
  "If activity increases slowly over several days, the daily cost can stay below the threshold of this detection (50 USD/day by default). The detection cost_anomaly may report the increase.",
  "The detection ignores support charges, commitment purchases, and fees that are charged on the first day of a month.",
  "If the export covers 60 to 89 days, focuswatch assumes that the account was dormant before the first day of the export. If the export covers fewer than 60 days, no account is evaluated.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html",
  "https://attack.mitre.org/techniques/T1078/004/",
]
[explain]
charges = "first"
[parameters]
dormant_cost_usd = 10.0
active_daily_cost_usd = 50.0
young_days = 60
[needs]
history_days = 60
*/
WITH ages AS (
    SELECT
        began.sub_account_id,
        CASE
            WHEN min(accounts.joined_on) < min(began.first_charge_date) THEN min(accounts.joined_on)
            ELSE min(began.first_charge_date)                       -- an account can exist long before its first charge
        END AS account_began,
        min(min(began.first_charge_date)) OVER () AS bill_began
    FROM (SELECT DISTINCT sub_account_id, first_charge_date FROM completeness) AS began
    LEFT JOIN accounts ON began.sub_account_id = accounts.sub_account_id
    GROUP BY 1
),
account_days AS (
    SELECT SubAccountId AS sub_account_id, charge_date, sum(EffectiveCost) AS daily_cost
    FROM daily_services
    WHERE charge_date >= CAST($first_new_day - INTERVAL '90' DAY AS date)
        AND charge_date < $as_of
        AND (
            (ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NULL)
        )                                                           -- no tax or credits; commitments are charged in dormant accounts too
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
dormant_days AS (                                                   -- not one CTE for each step: Trino reads again at each reference
    SELECT
        *,
        CASE
            WHEN charge_date >= $first_new_day
                AND last_cost < $dormant_cost_usd
                AND second_last_cost < $dormant_cost_usd
                AND third_last_cost < $dormant_cost_usd
                THEN charge_date
        END AS dormant_until
    FROM spans
),
dated_days AS (
    SELECT
        *,
        max(dormant_until) OVER (PARTITION BY sub_account_id) AS first_day
    FROM dormant_days
),
reactivations AS (
    SELECT
        sub_account_id,
        first_day,
        max(CASE
            WHEN charge_date = first_day THEN coalesce(greatest(last_cost, greatest(second_last_cost, third_last_cost)), 0)
        END) AS dormant_cost,
        min(CASE WHEN daily_cost > $active_daily_cost_usd THEN charge_date END) AS active_again_on,
        min_by(daily_cost, CASE WHEN daily_cost > $active_daily_cost_usd THEN charge_date END) FILTER (WHERE daily_cost IS NOT NULL) AS daily_cost,
        max(charge_date) AS last_day,
        sum(daily_cost) AS effective_cost
    FROM dated_days
    WHERE charge_date >= first_day                                  -- activity that starts at night is visible a day later
    GROUP BY 1, 2
),
active_accounts AS (
    SELECT reactivations.*, ages.account_began
    FROM reactivations
    INNER JOIN ages ON reactivations.sub_account_id IS NOT DISTINCT FROM ages.sub_account_id
    WHERE date_diff('day', ages.account_began, reactivations.active_again_on) >= $young_days
        AND date_diff('day', ages.bill_began, reactivations.active_again_on) >= $young_days
),
active_services AS (
    SELECT
        active_accounts.sub_account_id,
        active_accounts.effective_cost,
        active_accounts.active_again_on,
        active_accounts.daily_cost,
        active_accounts.dormant_cost,
        active_accounts.first_day,
        active_accounts.last_day,
        active_accounts.account_began,
        coalesce(charges.ServiceName, 'no service') AS service,
        max_by(coalesce(CASE WHEN charges.is_edge THEN 'edge locations' END, charges.RegionId, 'no region'), charges.EffectiveCost)
            AS region,
        row_number() OVER (
            PARTITION BY active_accounts.sub_account_id
            ORDER BY sum(charges.EffectiveCost) DESC, charges.ServiceName
        ) AS place
    FROM daily_services AS charges
    INNER JOIN active_accounts
        ON charges.SubAccountId IS NOT DISTINCT FROM active_accounts.sub_account_id
        AND charges.charge_date BETWEEN active_accounts.first_day AND active_accounts.last_day
    WHERE charges.ChargeCategory IN ('Usage', 'Purchase')
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, charges.ServiceName
)
SELECT
    sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    CAST(NULL AS varchar) AS resource_id,
    effective_cost AS monthly_cost,
    active_again_on,
    daily_cost,
    dormant_cost,
    first_day,
    last_day,
    array_agg(service ORDER BY place) AS services,
    array_agg(DISTINCT region ORDER BY region) AS regions,
    account_began
FROM active_services
WHERE place <= 3
GROUP BY sub_account_id, effective_cost, active_again_on, daily_cost, dormant_cost, first_day, last_day, account_began
ORDER BY monthly_cost DESC, sub_account_id
