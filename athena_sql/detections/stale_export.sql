/*
title     = "Billing export late or incomplete"
category  = "governance"
names     = "amount"
schedule  = "every_refresh"
why       = """
Every detection depends on a complete bill. AWS delivers a billing export up to three times a day. If deliveries stop,
or if charges for an account or for part of a month are missing, the missing charges look like savings.
"""
reason    = "The billing export is late or incomplete: {problem}"
action    = """
1. {what_to_check} {check_command}
2. {what_to_do}
"""
blind_spots = [
  "A legitimate decrease in a month's cost or number of rows is also reported: refunds and credits lower the cost, and AWS merges rows when it closes a billing period.",
  "If the last resource of an account was deleted, the account is reported as missing for 30 days, unless the accounts file has a closed_on date for the account.",
  "If you copy the export files manually, the detection uses the time of the copy instead of the time of the delivery, so a late delivery might not be reported.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html",
  "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_RefreshCadence.html",
]
[parameters]
late_hours = 36
late_charge_days = 3
missing_days = 2
missing_at_most_days = 30
present_days = 30
present_share = 0.9
shrunk_share = 0.05
shrunk_within_days = 7
*/
WITH newest_deliveries AS (
    SELECT max(delivered_at) AS newest_delivery
    FROM deliveries
),
newest_charges AS (
    SELECT max(charge_date) AS newest_charge_date
    FROM completeness
),
late_exports AS (
    SELECT
        newest_delivery,
        newest_charge_date,
        newest_delivery < CAST($as_of AS timestamp) - INTERVAL '1' HOUR * $late_hours AS is_delivery_late,
        date_diff('day', newest_charge_date, $as_of) > $late_charge_days AS is_charge_late
    FROM newest_deliveries
    CROSS JOIN newest_charges
),
account_days AS (
    SELECT
        SubAccountId AS sub_account_id,
        charge_date,
        sum(EffectiveCost) AS effective_cost
    FROM daily_services
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * ($missing_at_most_days + $present_days + 14) AS date)
        AND charge_date < $as_of
        AND ChargeCategory = 'Usage'                                -- a tax row is not activity
    GROUP BY 1, 2
),
last_days AS (
    SELECT sub_account_id, max(charge_date) AS last_day
    FROM account_days
    GROUP BY 1
),
missing_accounts AS (
    SELECT
        last_days.sub_account_id,
        last_days.last_day,
        count_if(completeness.is_settled AND completeness.charge_date > last_days.last_day) AS missing_days,
        count_if(account_days.charge_date IS NOT NULL) AS present_days,
        coalesce(sum(account_days.effective_cost), 0E0) AS effective_cost
    FROM last_days
    INNER JOIN completeness ON last_days.sub_account_id = completeness.sub_account_id
    LEFT JOIN account_days
        ON completeness.sub_account_id = account_days.sub_account_id
        AND completeness.charge_date = account_days.charge_date
    WHERE date_diff('day', last_days.last_day, $as_of) < $missing_at_most_days
        AND date_diff('day', completeness.charge_date, last_days.last_day) < $present_days
    GROUP BY 1, 2
),
unexplained_accounts AS (
    SELECT missing_accounts.*
    FROM missing_accounts
    LEFT JOIN (
        SELECT DISTINCT sub_account_id
        FROM accounts
        WHERE closed_on IS NOT NULL
    ) AS closed_accounts ON missing_accounts.sub_account_id = closed_accounts.sub_account_id
    WHERE closed_accounts.sub_account_id IS NULL
        AND missing_accounts.missing_days >= $missing_days
        AND missing_accounts.present_days >= $present_share * $present_days
),
dated_deliveries AS (
    SELECT
        *,
        lag(charges) OVER (PARTITION BY billing_period ORDER BY delivered_at, refreshed_at) AS charges_before,
        lag(billed_cost) OVER (PARTITION BY billing_period ORDER BY delivered_at, refreshed_at) AS billed_cost_before,
        row_number() OVER (PARTITION BY billing_period ORDER BY delivered_at DESC, refreshed_at DESC) AS age
    FROM deliveries
),
drops AS (
    SELECT
        latest.billing_period,
        max(latest.delivered_at) AS delivered_at,
        max(latest.charges) AS charges,
        max(latest.billed_cost) AS billed_cost,
        max(dropped.charges_before) AS charges_before,
        max(dropped.billed_cost_before) AS billed_cost_before
    FROM dated_deliveries AS dropped
    INNER JOIN dated_deliveries AS latest
        ON dropped.billing_period = latest.billing_period AND latest.age = 1
    WHERE dropped.delivered_at >= CAST($as_of AS timestamp) - INTERVAL '1' DAY * $shrunk_within_days
        AND (
            (dropped.charges < (1 - $shrunk_share) * dropped.charges_before
                AND latest.charges < (1 - $shrunk_share) * dropped.charges_before)
            OR (dropped.billed_cost_before > 0
                AND dropped.billed_cost < (1 - $shrunk_share) * dropped.billed_cost_before
                AND latest.billed_cost < (1 - $shrunk_share) * dropped.billed_cost_before)
        )                                                           -- and it has not recovered since
    GROUP BY 1
),
findings AS (
    SELECT
        CAST(NULL AS varchar) AS sub_account_id,
        CAST(NULL AS varchar) AS resource_id,
        0E0 AS monthly_cost,
        CASE WHEN is_delivery_late
            THEN 'the most recent delivery is from ' || CAST(CAST(newest_delivery AS date) AS varchar)
                || ', and the most recent charge is from ' || CAST(newest_charge_date AS varchar) || '.'
            ELSE 'the most recent charge is from ' || CAST(newest_charge_date AS varchar) || '.'
        END AS problem,
        'Check the status of the last deliveries, in the payer account:' AS what_to_check,
        'aws bcm-data-exports list-executions --export-arn EXPORT_ARN --region us-east-1' AS check_command,
        'If deliveries fail, allow bcm-data-exports.amazonaws.com to write to the bucket, or fix the replication of the export to this bucket.' AS what_to_do,
        newest_delivery,
        newest_charge_date AS last_day
    FROM late_exports
    WHERE is_delivery_late OR is_charge_late
    UNION ALL
    SELECT
        sub_account_id,
        CAST(NULL AS varchar),
        effective_cost,                                             -- the charged cost; it is not a saving
        'account ' || sub_account_id || ' had charges on ' || CAST(present_days AS varchar) || ' of '
            || CAST($present_days AS varchar) || ' days through ' || CAST(last_day AS varchar)
            || ', at a total cost of ' || CAST(CAST(round(effective_cost) AS bigint) AS varchar) || ' in the billing currency,'
            || ' and has had no charges on the ' || CAST(missing_days AS varchar) || ' complete days since then.',
        'Check whether the account was closed or left the organization:',
        'aws organizations describe-account --account-id {sub_account_id}',
        'If the account was closed or left the organization, set closed_on for the account in the accounts file. Otherwise, check whether the export, its filter or the payer account changed.',
        CAST(NULL AS timestamp),
        last_day
    FROM unexplained_accounts
    UNION ALL
    SELECT
        CAST(NULL AS varchar),
        'billing_period=' || substr(CAST(billing_period AS varchar), 1, 7),
        0E0,
        'billing period ' || substr(CAST(billing_period AS varchar), 1, 7) || ' decreased from '
            || CAST(charges_before AS varchar) || ' charges to ' || CAST(charges AS varchar)
            || ', and its billed cost from ' || CAST(CAST(round(billed_cost_before) AS bigint) AS varchar)
            || ' to ' || CAST(CAST(round(billed_cost) AS bigint) AS varchar) || ' in the billing currency.',
        'Check whether a refund or a credit explains the change. If charges are missing, check the deliveries in the payer account:',
        'aws bcm-data-exports list-executions --export-arn EXPORT_ARN --region us-east-1',
        'Request a backfill of the billing period from AWS Support. Do not rely on findings that were resolved since the decrease.',
        delivered_at,
        CAST(NULL AS date)
    FROM drops
)
SELECT
    sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    resource_id,
    monthly_cost,
    problem,
    what_to_check,
    check_command,
    what_to_do,
    newest_delivery,
    last_day
FROM findings
ORDER BY monthly_cost DESC, sub_account_id, resource_id
