/*
title = "Daily charges for a finding, and for its account and service"
why   = """
For a planned launch, the command focuswatch note prints a section that you can paste into owners.toml. The section
contains rules that select the charges of a finding. The column `is_noted` is true for charges that belong to the
finding. The query also returns all other charges for the same account and service. focuswatch uses these other charges
to find the resources and tags that match only the charges of the finding, and to compute the cost of the service before
the finding started. If the finding names a model, the charges of the finding are the token charges for the model.
Otherwise, the charges of the finding are all charges for its service and resource.
"""
reads = ["daily_charges", "token_charges"]
[parameters]
findings = []
days = 90
*/
WITH findings AS (
    SELECT *
    FROM (VALUES $findings) AS given (sub_account_id, service_name, resource_id, model)
),
model_meters AS (
    SELECT DISTINCT token_charges.service_name, token_charges.meter
    FROM token_charges
    INNER JOIN findings ON token_charges.model = findings.model
)
SELECT
    charges.charge_date,
    charges.ResourceId AS resource_id,
    charges.Tags AS tags,
    coalesce(
        CASE
            WHEN findings.model IS NOT NULL THEN model_meters.meter IS NOT NULL
            ELSE findings.resource_id IS NULL OR charges.ResourceId = findings.resource_id
        END,
        false
    ) AS is_noted,
    sum(charges.EffectiveCost) AS effective_cost
FROM findings
INNER JOIN daily_charges AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM findings.sub_account_id
LEFT JOIN model_meters
    ON charges.ServiceName IS NOT DISTINCT FROM model_meters.service_name
    AND charges.meter = model_meters.meter
WHERE (
        findings.service_name IS NULL
        OR charges.ServiceName = findings.service_name
        OR model_meters.meter IS NOT NULL
    )
    AND charges.ChargeCategory = 'Usage'
    AND charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charges.charge_date < $as_of
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 4
