"""The columns of the tables that detections read, with DuckDB's types; glue_columns has them with Glue's types."""

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
    "PublisherName": "VARCHAR",
    "CommitmentDiscountType": "VARCHAR",
    "CommitmentDiscountName": "VARCHAR",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "ListCost": "DOUBLE",
    "ContractedCost": "DOUBLE",
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
    "billing_period": "DATE",
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
    "is_consumed": "BOOLEAN",
    "BilledCost": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "charges": "BIGINT",
}
TAGGED_DAYS = {
    "charge_date": "DATE",
    "billing_period": "DATE",
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
KEPT_TABLES = {
    "daily_services": DAILY_SERVICES,
    "tagged_days": TAGGED_DAYS,
    "ai_charges": DAILY_CHARGES,
}  # small, asked often, and made of one billing period's charges alone
MADE = (  # each after what it reads
    "daily_charges", "daily_services", "tagged_days", "ai_charges", "completeness", "ai_layers", "token_charges",
    "gpu_days", "endpoint_days", "named_days", "owned_days", "paid_days", "launch_rules", "launch_days", "team_spends",
)  # fmt: skip
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
ACCOUNTS = {
    "sub_account_id": "VARCHAR",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "ou_path": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "joined_on": "DATE",
    "closed_on": "DATE",
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
}
PLAN_RULES = {
    "rule": "VARCHAR",
    "key": "VARCHAR",
    "value": "VARCHAR",
    "use_case": "VARCHAR",
    "place": "INTEGER",
}
LAUNCHES = {"use_case": "VARCHAR", "first_day": "DATE", "last_day": "DATE", "factor": "DOUBLE"}
OWNERS = {"owner_rules": OWNER_RULES, "plans": PLANS, "plan_rules": PLAN_RULES, "launches": LAUNCHES}
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
}
OPTIONAL = {"closed_on"}
