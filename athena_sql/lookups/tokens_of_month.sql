/*
title = "Millions of Bedrock tokens in a month, by account and tags"
why   = """
A chargeback that splits shared costs by tokens requires the number of tokens that each team used. The account and the
tags of a charge determine its team.
"""
reads = ["token_charges", "account_periods"]
[parameters]
first_day = 2026-01-01
end_day = 2026-02-01
*/
SELECT
    token_charges.sub_account_id,
    account_periods.valid_from AS account_from,
    token_charges.tags,
    sum(token_charges.million_tokens) AS million_tokens
FROM token_charges
LEFT JOIN account_periods
    ON token_charges.sub_account_id = account_periods.sub_account_id
    AND token_charges.charge_date >= account_periods.valid_from
    AND token_charges.charge_date < account_periods.valid_to
WHERE token_charges.charge_date >= $first_day AND token_charges.charge_date < $end_day
GROUP BY 1, 2, 3
