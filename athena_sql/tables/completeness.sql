/*
title = "Complete (settled) days by account"
why   = """
Charges of the most recent days of a bill can still change, so detections that look for missing usage must ignore these
days. A day is settled (complete) when its charges no longer change. The table has one row for each account and day,
including days without charges. The rows of an account start on the day of its first charge and end on the last day of
the export. The column `settled_recency` numbers the settled days of an account, starting with 1 for the most recent
settled day. The last seven settled days are therefore the rows with `settled_recency <= 7`. For a lookback of seven
days, join the row with `settled_recency = 7`: the lookback starts on the `charge_date` of this row and ends on its
`last_settled_day`. An account with fewer than seven settled days has no row with `settled_recency = 7`. `settled_days`
is the number of settled days of the account. `bill_began` is the first day of the account's bill, even if the account
has no charges on that day. If several bills are scanned together, settled days are determined separately for each bill,
because the number of days until charges no longer change depends on the provider. `incomplete_from` is the first day on
the bill whose charges are not yet complete. In a deployment, each bill has its own values for the parameters `as_of`
and `settle_days`; the column `bill` contains the name of the bill.
"""
reads = ["daily_services"]
[parameters]
settle_days = 2
bill = ""
*/
WITH service_days AS (
    SELECT
        SubAccountId AS sub_account_id,
        charge_date,
        $bill AS bill
    FROM daily_services
),
delivered_days AS (
    SELECT DISTINCT
        bill AS delivered_bill,
        charge_date
    FROM service_days
    WHERE charge_date < $as_of
),
first_charges AS (
    SELECT
        bill,
        sub_account_id,
        min(charge_date) AS first_charge_date,
        max(charge_date) AS last_charge_date,
        min(min(charge_date)) OVER (PARTITION BY bill) AS bill_began
    FROM service_days
    WHERE charge_date < $as_of
    GROUP BY bill, sub_account_id
),
account_days AS (
    SELECT
        first_charges.sub_account_id,
        delivered_days.charge_date,
        first_charges.first_charge_date,
        first_charges.last_charge_date,
        first_charges.bill_began,
        CAST($as_of - INTERVAL '1' DAY * $settle_days AS date) AS incomplete_from,
        date_diff('day', delivered_days.charge_date, $as_of) > $settle_days AS is_settled
    FROM first_charges
    INNER JOIN delivered_days
        ON delivered_days.delivered_bill = first_charges.bill
            AND delivered_days.charge_date >= first_charges.first_charge_date
)
SELECT
    *,
    CASE WHEN is_settled THEN
        row_number() OVER (PARTITION BY sub_account_id, is_settled ORDER BY charge_date DESC)
    END AS settled_recency,
    max(CASE WHEN is_settled THEN charge_date END) OVER (PARTITION BY sub_account_id) AS last_settled_day,
    count(CASE WHEN is_settled THEN 1 END) OVER (PARTITION BY sub_account_id) AS settled_days
FROM account_days
