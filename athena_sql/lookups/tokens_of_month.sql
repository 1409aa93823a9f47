/*
title = "Bedrock tokens of a month by account and tags, in millions"
why   = """
A chargeback that splits shared costs by tokens needs the tokens of each team; teams are assigned by account and tags.
"""
reads = ["token_charges"]
[parameters]
first_day = 2026-01-01
end_day = 2026-02-01
*/
SELECT
    sub_account_id,
    tags,
    sum(million_tokens) AS million_tokens
FROM token_charges
WHERE charge_date >= $first_day AND charge_date < $end_day
GROUP BY 1, 2
