/*
title     = "First Amazon Bedrock call by an IAM principal"
category  = "security"
schedule  = "every_refresh"
security_types = ["Unusual Behaviors/User", "TTPs/Credential Access"]
notify    = "once"
why       = """
Attackers use stolen access keys and Bedrock API keys to call models at the victim's expense. The first Bedrock spend of
an IAM user, role or API key in an account can be an early sign of a stolen key. Each new caller of Bedrock in an
account is reported once.
"""
reason    = "The {principal_type} {principal_name} in account {sub_account_name} called Amazon Bedrock for the first time on {first_day}. The charges through {last_day} total {monthly_cost} {currency}, for {models}."
action    = """
1. Ask the account owner whether the {principal_type} {principal_name} is expected to use {models}.
2. Identify who created the {principal_type}: aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=ResourceName,AttributeValue={principal_name}
3. Check the source IP addresses of the caller's Bedrock calls: aws cloudtrail lookup-events --region REGION --start-time {first_day} --lookup-attributes AttributeKey=EventSource,AttributeValue=bedrock.amazonaws.com
4. If the calls were not authorized, deactivate the caller's access keys or API key, deny bedrock:InvokeModel, bedrock:InvokeModelWithResponseStream and bedrock:CallWithBearerToken to the caller, then search CloudTrail for other API calls with these keys.
"""
blind_spots = [
  "This detection requires a CUR 2.0 export that contains IAM principals (option --principals of focuswatch scan). AWS has recorded the callers of Amazon Bedrock only since 2026-04-08, so a caller that used Bedrock before this date can be reported as new.",
  "Callers that appear in the first 14 days of an account's data are not reported as new. If Bedrock itself is new in the account, the detection new_service reports the first use instead.",
  "If an attacker uses a key of a user or role that already calls Bedrock, this detection does not report the usage. The detections token_burst and principal_budget may report it.",
  "All sessions of a role count as one caller, even if several people sign in with this role through IAM Identity Center.",
  "Service-linked roles, and service roles whose names match the parameter service_roles, are excluded. An attacker can avoid detection by using a role whose name matches service_roles.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
  "https://attack.mitre.org/techniques/T1496/004/",
]
[parameters]
warm_up_days = 14
# Service-linked roles start with AWSServiceRoleFor. AWS consoles create service roles with the other prefixes, for agents, knowledge bases, AgentCore and SageMaker.
service_roles = "^(AWSServiceRoleFor|AmazonBedrockExecutionRole|AmazonBedrockAgentCore|AmazonSageMaker-ExecutionRole|AmazonSageMakerServiceCatalog)"
[needs]
charges = "ai_family = 'bedrock'"
files = ["principals"]
history_days = 14
*/
WITH model_costs AS (
    SELECT
        sub_account_id,
        principal,
        principal_type,
        principal_name,
        coalesce(model, 'other Bedrock usage') AS model,
        min(charge_date) AS first_day,
        max(charge_date) AS last_day,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM principal_days
    WHERE charge_date < $as_of AND principal IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
),
dated_costs AS (
    SELECT
        sub_account_id,
        principal,
        principal_type,
        principal_name,
        model,
        last_day,
        million_tokens,
        effective_cost,
        min(first_day) OVER (PARTITION BY sub_account_id, principal) AS first_day,
        min(first_day) OVER (PARTITION BY sub_account_id) AS account_began
    FROM model_costs
)
SELECT
    sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    principal AS resource_id,
    sum(effective_cost) AS monthly_cost,
    principal_type,
    principal_name,
    array_agg(model ORDER BY effective_cost DESC, model) AS models,
    sum(million_tokens) AS million_tokens,
    first_day,
    max(last_day) AS last_day,
    account_began,
    false AS not_evaluated,
    CAST(NULL AS varchar) AS lacks_input
FROM dated_costs
WHERE first_day >= $first_new_day
    AND date_diff('day', account_began, first_day) >= $warm_up_days
    AND NOT (principal_type = 'role' AND regexp_like(principal_name, $service_roles))
GROUP BY sub_account_id, principal, principal_type, principal_name, first_day, account_began
UNION ALL
SELECT
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    0E0,
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    NULL,
    CAST(NULL AS double),
    last_caller_day,
    last_bill_day,
    CAST(NULL AS date),
    true,
    lacks_input
FROM callers_not_evaluated
ORDER BY monthly_cost DESC, sub_account_id, resource_id
