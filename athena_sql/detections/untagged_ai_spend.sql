/*
title     = "Untagged AI spend"
category  = "governance"
providers = "all"
ai_families = ["any"]
schedule  = "daily"
why       = """
AI cost grows quickly, and much of it is billed under service names that do not mention AI. If the tags that owners.toml
requires are missing, focuswatch cannot allocate the spend to a team or a budget, and no owner can confirm that the
spend is needed.
"""
reason    = "{service_name} in {region_id} costs {monthly_cost} {currency}/month. Required tags missing on both the resource and its account: {missing_tags}."
action    = """
1. Identify the owning team: search CloudTrail for the creator of the resource, or ask the account owner.
2. If the finding has no resource, the charges are for calls to base models: call the models through an application inference profile, and tag the profile. Otherwise, add the missing tags ({missing_tags}) to the resource: aws resourcegroupstaggingapi tag-resources --region {region_id} --resource-arn-list {resource_id} --tags KEY=VALUE
3. Activate the tag keys as cost allocation tags in the payer account: aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey=KEY,Status=Active
"""
action_of_others = """
1. Identify the owning team: search the activity log of {provider} for the creator of the resource, or ask the owner of {sub_account_name}.
2. Tag the resource, or the project, team or API key that calls the model, with {missing_tags}.
3. Check on the next bill that the tags appear: some providers export new tags only for later charges.
"""
blind_spots = [
  "The bill shows the values of a tag only from the day the tag was activated as a cost allocation tag.",
  "If owners.toml requires a cost category as a tag, the detection might report the cost category as missing, because AWS does not document the prefix of cost category names in the FOCUS 1.2 column Tags. The detection removes only known prefixes.",
  "AWS does not document whether charges for calls to base models have a ResourceId. Charges without a ResourceId are grouped into one finding per account, Region and service, and the finding does not name a resource.",
  "User subscriptions (such as Kiro) are not evaluated, because a user of IAM Identity Center cannot be tagged.",
  "If the charges of a resource have different tags, the tags of the most recent day are used. If the tags also differ on that day, the tags of the charge with the most tags are used.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-create.html",
]
[parameters]
lookback_days = 30
least_monthly_cost_usd = 1.0
[needs]
charges = "ai_family IS NOT NULL"
*/
WITH required_tags AS (
    SELECT
        key,
        regexp_replace(lower(key), $tag_prefix, '') AS plain_key
    FROM UNNEST(ARRAY[$required_tags]) AS required (key)
    WHERE key IS NOT NULL
),
account_keys AS (
    SELECT DISTINCT accounts.sub_account_id, required_tags.key
    FROM accounts
    CROSS JOIN UNNEST(map_keys(accounts.tags)) AS tagged (tag_key)
    INNER JOIN required_tags
        ON required_tags.plain_key = regexp_replace(lower(tagged.tag_key), $tag_prefix, '')
    WHERE trim(element_at(accounts.tags, tagged.tag_key)) <> ''
),
ai_spends AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ServiceName AS service_name,
        charges.ResourceId AS resource_id,
        CASE WHEN charges.ResourceId IS NULL THEN charges.Tags END AS tags_of_nothing,  -- one row can hold many callers
        max_by(                                                     -- the newest tags; on the same day, the row with the most tags
            coalesce(charges.Tags, CAST(MAP() AS map(varchar, varchar))),
            date_diff('day', lookbacks.charge_date, charges.charge_date) * 1000 + coalesce(cardinality(charges.Tags), 0)
        ) AS tags,
        min(charges.ai_family) AS ai_family,
        min(lookbacks.charge_date) AS first_day,
        max(lookbacks.last_settled_day) AS last_day,
        sum(charges.EffectiveCost) / CAST(min(lookbacks.settled_recency) AS double) * 30 AS monthly_cost
    FROM ai_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = least($lookback_days, lookbacks.settled_days)
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.ai_family IS NOT NULL
        AND charges.ChargeCategory = 'Usage'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'  -- reported by unused_commitment
        AND NOT regexp_like(coalesce(charges.ResourceId, ''), '^arn:aws[a-z-]*:identitystore:')  -- a user cannot be tagged
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(charges.EffectiveCost) > 0
),
weighed_spends AS (
    SELECT
        *,
        sum(monthly_cost) OVER (PARTITION BY sub_account_id, region_id, service_name, resource_id) AS finding_cost
    FROM ai_spends
),
missing_keys AS (
    SELECT
        spends.sub_account_id,
        spends.region_id,
        spends.service_name,
        spends.resource_id,
        spends.tags_of_nothing,
        spends.tags,
        spends.ai_family,
        spends.first_day,
        spends.last_day,
        spends.monthly_cost,
        required_tags.key
    FROM weighed_spends AS spends
    CROSS JOIN required_tags
    CROSS JOIN UNNEST(map_keys(spends.tags) || ARRAY['']) AS tagged (tag_key)
    LEFT JOIN account_keys
        ON spends.sub_account_id = account_keys.sub_account_id
        AND required_tags.key = account_keys.key
    WHERE spends.finding_cost >= $least_monthly_cost_usd
        AND account_keys.key IS NULL                                -- an account's tag applies to everything in it
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    HAVING NOT bool_or(
        required_tags.plain_key = regexp_replace(lower(tagged.tag_key), $tag_prefix, '')
        AND trim(coalesce(element_at(spends.tags, tagged.tag_key), '')) <> ''
    )
),
untagged_spends AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        tags_of_nothing,
        tags,
        ai_family,
        first_day,
        last_day,
        monthly_cost,
        array_agg(key ORDER BY key) AS missing_tags
    FROM missing_keys
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(monthly_cost) AS monthly_cost,
    service_name,
    max_by(tags, monthly_cost) FILTER (WHERE tags IS NOT NULL) AS tags,
    max_by(missing_tags, monthly_cost) FILTER (WHERE missing_tags IS NOT NULL) AS missing_tags,
    min(ai_family) AS ai_family,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM untagged_spends
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING sum(monthly_cost) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
