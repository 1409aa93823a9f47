"""Define the columns of the tables that detections read, with DuckDB types.

glue_tables_and_partition_keys converts the types for Glue.
"""

FOLDED_CHARGES = {
    "charge_date": "DATE",
    "charge_last_date": "DATE",
    "billing_period": "DATE",
    "ProviderName": "VARCHAR",
    "BillingCurrency": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "RegionId": "VARCHAR",
    "ServiceName": "VARCHAR",
    "SkuMeter": "VARCHAR",
    "x_Operation": "VARCHAR",
    "ResourceId": "VARCHAR",
    "ChargeCategory": "VARCHAR",
    "ChargeClass": "VARCHAR",
    "ChargeFrequency": "VARCHAR",
    "PricingCategory": "VARCHAR",
    "CommitmentDiscountId": "VARCHAR",
    "CommitmentDiscountStatus": "VARCHAR",
    "CapacityReservationId": "VARCHAR",
    "ConsumedUnit": "VARCHAR",
    "PricingUnit": "VARCHAR",
    "Tags": "MAP(VARCHAR, VARCHAR)",
    "SubAccountName": "VARCHAR",
    "x_ServiceCode": "VARCHAR",
    "ServiceCategory": "VARCHAR",
    "PublisherName": "VARCHAR",
    "CommitmentDiscountType": "VARCHAR",
    "CommitmentDiscountName": "VARCHAR",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "ConsumedQuantity": "DOUBLE",
    "PricingQuantity": "DOUBLE",
    "charges": "BIGINT",
}
DAILY_CHARGES = {
    **FOLDED_CHARGES,
    "meter": "VARCHAR",
    "instance_type": "VARCHAR",
    "is_gpu": "BOOLEAN",
    "is_edge": "BOOLEAN",
    "ai_family": "VARCHAR",
    "internet_gb": "DOUBLE",
}
DAILY_SERVICES = {
    "charge_date": "DATE",
    "charge_last_date": "DATE",
    "billing_period": "DATE",
    "ProviderName": "VARCHAR",
    "BillingCurrency": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "SubAccountName": "VARCHAR",
    "RegionId": "VARCHAR",
    "ServiceName": "VARCHAR",
    "ChargeCategory": "VARCHAR",
    "ChargeClass": "VARCHAR",
    "ChargeFrequency": "VARCHAR",
    "CommitmentDiscountId": "VARCHAR",
    "CommitmentDiscountStatus": "VARCHAR",
    "is_edge": "BOOLEAN",
    "CommitmentDiscountType": "VARCHAR",
    "CommitmentDiscountName": "VARCHAR",
    "is_consumed": "BOOLEAN",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "charges": "BIGINT",
}
TAGGED_DAYS = {
    "charge_date": "DATE",
    "billing_period": "DATE",
    "ProviderName": "VARCHAR",
    "BillingCurrency": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "ServiceName": "VARCHAR",
    "ChargeCategory": "VARCHAR",
    "ChargeFrequency": "VARCHAR",
    "Tags": "MAP(VARCHAR, VARCHAR)",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "charges": "BIGINT",
}
USAGE_DAYS = {
    "charge_date": "DATE",
    "billing_period": "DATE",
    "ProviderName": "VARCHAR",
    "BillingCurrency": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "RegionId": "VARCHAR",
    "ServiceName": "VARCHAR",
    "SkuMeter": "VARCHAR",
    "meter": "VARCHAR",
    "ResourceId": "VARCHAR",
    "ChargeCategory": "VARCHAR",
    "ChargeClass": "VARCHAR",
    "ChargeFrequency": "VARCHAR",
    "CommitmentDiscountStatus": "VARCHAR",
    "ConsumedUnit": "VARCHAR",
    "ai_family": "VARCHAR",
    "is_edge": "BOOLEAN",
    "Tags": "MAP(VARCHAR, VARCHAR)",
    "is_consumed": "BOOLEAN",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "ConsumedQuantity": "DOUBLE",
    "internet_gb": "DOUBLE",
    "charges": "BIGINT",
}
# Tables that are stored because they are small, are queried often, and are computed from one billing period's charges.
KEPT_TABLES = {
    "daily_services": DAILY_SERVICES,
    "tagged_days": TAGGED_DAYS,
    "ai_charges": DAILY_CHARGES,
    "usage_days": USAGE_DAYS,
}
STORED_TABLES = {"daily_charges": DAILY_CHARGES, **KEPT_TABLES}  # stored by billing period in a deployment
# Tables that SQL in the catalog computes, each after the tables that it reads.
COMPUTED_TABLES = (
    "account_periods",
    "daily_charges",
    "daily_services",
    "tagged_days",
    "ai_charges",
    "usage_days",
    "completeness",
    "complete_30_days",
    "ai_layer_charges",
    "token_charges",
    "token_workloads",
    "tag_values",
    "tag_teams",
    "account_teams",
    "principal_days",
    "callers_not_evaluated",
    "request_metadata_days",
    "gpu_days",
    "endpoint_days",
    "owner_key_days",
    "owned_days",
    "forecast_days",
    "launch_rules",
    "launch_days",
    "team_spend_30_days",
    "account_and_service_spend",
    "ai_team_days",
    "token_owners",
    "token_cost_hours",
)
DELIVERIES = {
    "billing_period": "DATE",
    "delivered_at": "TIMESTAMP",
    "refreshed_at": "TIMESTAMP",
    "charges": "BIGINT",
    "billed_cost": "DOUBLE",
}
ACTIVITY = {
    "activity_date": "DATE",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "namespace": "VARCHAR",
    "resource_id": "VARCHAR",
    "metric": "VARCHAR",
    "value": "DOUBLE",
}
# Tokens that CloudWatch counted in an hour (UTC, 0 to 23), by the ModelId of the call. No row means no calls.
TOKEN_HOURS = {
    "token_date": "DATE",
    "token_hour": "INTEGER",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "model_id": "VARCHAR",
    "token_kind": "VARCHAR",
    "tokens": "DOUBLE",
}
# `from` uses `to`. A row from a `region` without ARNs states that all resources of the kind `to_type` were listed,
# so that a resource without a row has no link.
AI_LINKS = {
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "from_type": "VARCHAR",
    "from_arn": "VARCHAR",
    "to_type": "VARCHAR",
    "to_arn": "VARCHAR",
    "read_on": "DATE",
}
# Daily sums over model invocation logs; `metadata` has the values of the requestMetadata keys in owners.toml.
INVOCATION_TOKENS = {
    "usage_date": "DATE",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "model_id": "VARCHAR",
    "iam_principal": "VARCHAR",
    "metadata": "MAP(VARCHAR, VARCHAR)",
    "invocations": "BIGINT",
    "counted_invocations": "BIGINT",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
}
# Columns of CUR 2.0: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
PRINCIPAL_EXPORT = {
    "bill_billing_period_start_date": "TIMESTAMP",
    "line_item_usage_start_date": "TIMESTAMP",
    "line_item_usage_account_id": "VARCHAR",
    "line_item_line_item_type": "VARCHAR",
    "line_item_usage_type": "VARCHAR",
    "line_item_iam_principal": "VARCHAR",
    "line_item_usage_amount": "DOUBLE",
    "line_item_unblended_cost": "DOUBLE",
    "line_item_net_unblended_cost": "DOUBLE",
    "product": "MAP(VARCHAR, VARCHAR)",
    "product_region_code": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
PRINCIPAL_CHARGES = {
    "charge_date": "DATE",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "sku_meter": "VARCHAR",
    "product_name": "VARCHAR",
    "iam_principal": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "quantity": "DOUBLE",
    "effective_cost": "DOUBLE",
}
ACCOUNTS = {
    "sub_account_id": "VARCHAR",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "ou_path": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "joined_on": "DATE",
    "closed_on": "DATE",
}
# Earlier properties of an account, before its row in `accounts`; `valid_to` is exclusive.
ACCOUNT_HISTORY = {
    "sub_account_id": "VARCHAR",
    "name": "VARCHAR",
    "ou_path": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "valid_from": "DATE",
    "valid_to": "DATE",
}
# A file of accounts contains the rows of both tables.
ACCOUNTS_FILE = {**ACCOUNTS, "valid_from": "DATE", "valid_to": "DATE"}
EVENTS = {
    "occurred_at": "TIMESTAMP",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "service_name": "VARCHAR",
    "resource_id": "VARCHAR",
    "kind": "VARCHAR",
    "reference": "VARCHAR",
}
OWNER_RULES = {"rule": "VARCHAR", "key": "VARCHAR", "value": "VARCHAR", "team": "VARCHAR", "place": "INTEGER"}
PLANS = {
    "plan": "VARCHAR",
    "kind": "VARCHAR",
    "team": "VARCHAR",
    "intent": "VARCHAR",
    "hypothesis": "VARCHAR",
    "review_on": "DATE",
    "cap": "DOUBLE",
    "monthly_budget": "DOUBLE",
    "unit": "VARCHAR",
    "accepted_unit_cost": "DOUBLE",
    "on_cap": "VARCHAR",
}
PLAN_RULES = {
    "rule": "VARCHAR",
    "key": "VARCHAR",
    "value": "VARCHAR",
    "use_case": "VARCHAR",
    "place": "INTEGER",
}
LAUNCHES = {"use_case": "VARCHAR", "first_day": "DATE", "last_day": "DATE", "factor": "DOUBLE"}
POLICY_RULES = {"use_case": "VARCHAR", "rule": "VARCHAR", "pattern": "VARCHAR", "word": "VARCHAR"}
PRINCIPAL_BUDGETS = {
    "budget": "VARCHAR",
    "rule": "VARCHAR",
    "key": "VARCHAR",
    "value": "VARCHAR",
    "team": "VARCHAR",
    "measure": "VARCHAR",
    "period": "VARCHAR",
    "amount": "DOUBLE",
}
OWNERS = {
    "owner_rules": OWNER_RULES,
    "plans": PLANS,
    "plan_rules": PLAN_RULES,
    "launches": LAUNCHES,
    "policy_rules": POLICY_RULES,
    "principal_budgets": PRINCIPAL_BUDGETS,
}
KNOWN_FINDINGS = {
    "fingerprint": "VARCHAR",
    "detection": "VARCHAR",
    "category": "VARCHAR",
    "severity": "VARCHAR",
    "state": "VARCHAR",
    "is_silenced": "BOOLEAN",
    "sub_account_id": "VARCHAR",
    "sub_account_name": "VARCHAR",
    "region_id": "VARCHAR",
    "service_name": "VARCHAR",
    "resource_id": "VARCHAR",
    "team": "VARCHAR",
    "use_case": "VARCHAR",
    "intent": "VARCHAR",
    "title": "VARCHAR",
    "monthly_cost": "DOUBLE",
    "saved_monthly": "DOUBLE",
    "first_seen": "DATE",
    "resolved_on": "DATE",
    "acknowledged_on": "DATE",
    "is_counted": "BOOLEAN",
}
# Stored month-end forecasts; see focuswatch.bill.kept_forecast_record_and_merge.
FORECASTS = {
    "made_on": "DATE",
    "month": "DATE",
    "plan_of": "VARCHAR",
    "plan": "VARCHAR",
    "settled_until": "DATE",
    "spent": "DOUBLE",
    "low": "DOUBLE",
    "forecast": "DOUBLE",
    "high": "DOUBLE",
}
# Recommendations of Cost Optimization Hub, as delivered by Data Exports:
# https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor-columns.html
RECOMMENDATIONS = {
    "recommendation_id": "VARCHAR",
    "account_id": "VARCHAR",
    "region": "VARCHAR",
    "resource_arn": "VARCHAR",
    "action_type": "VARCHAR",
    "current_resource_type": "VARCHAR",
    "current_resource_summary": "VARCHAR",
    "recommended_resource_summary": "VARCHAR",
    "estimated_monthly_cost_after_discount": "DOUBLE",
    "estimated_monthly_savings_after_discount": "DOUBLE",
    "estimated_savings_percentage_after_discount": "DOUBLE",
    "currency_code": "VARCHAR",
    "implementation_effort": "VARCHAR",
    "restart_needed": "BOOLEAN",
    "rollback_possible": "BOOLEAN",
    "recommendation_source": "VARCHAR",
    "last_refresh_timestamp": "TIMESTAMP",
}
# Columns that a file may lack, because no finding takes its identity, amount or day from them.
OPTIONAL_COLUMNS = {
    "closed_on",
    "valid_from",
    "valid_to",
    "region",
    "current_resource_summary",
    "recommended_resource_summary",
    "estimated_monthly_cost_after_discount",
    "estimated_savings_percentage_after_discount",
    "implementation_effort",
    "restart_needed",
    "rollback_possible",
    "recommendation_source",
}
OPTIONAL_IN_PRINCIPALS = {"line_item_net_unblended_cost", "product", "tags"}
OPTIONAL_IN_EVENTS = {"region_id", "service_name", "resource_id", "reference"}
