"""Create the two files of a new detection from templates: its SQL and its test cases, for `focuswatch new`."""

import re
from pathlib import Path

from focuswatch.catalog.sql_file_rules import FILL_IN, VALID_ID
from focuswatch.catalog.sql_header_models import ID_PATTERN
from focuswatch.errors import ConfigError

SQL = f"""/*
title     = "{FILL_IN}: a noun phrase, at most 60 characters"
category  = "waste"            # waste | security | anomaly | governance
schedule  = "daily"            # daily | every_refresh | weekly
status    = "trial"            # live | trial (notifies only the FinOps channel) | off
why       = \"\"\"
{FILL_IN}: why this costs money, and how much, for a reader who does not know the service.
\"\"\"
reason    = "{FILL_IN}: one sentence; {{column}} inserts the value of a column."
action    = \"\"\"
1. {FILL_IN}: what to check.
2. {FILL_IN}: the exact command.
\"\"\"
blind_spots = ["{FILL_IN}: a known limitation"]
sources   = ["{FILL_IN}: https://… the source of the billing facts"]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
*/
SELECT
    charges.SubAccountId AS sub_account_id,
    charges.RegionId AS region_id,
    charges.ResourceId AS resource_id,
    sum(charges.EffectiveCost) / $lookback_days * 30 AS monthly_cost,
    charges.ServiceName AS service_name,
    max_by(charges.Tags, charges.charge_date) FILTER (WHERE charges.Tags IS NOT NULL) AS tags
FROM daily_charges AS charges
INNER JOIN completeness AS lookbacks
    ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
    AND lookbacks.settled_recency = $lookback_days
    AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
WHERE charges.ChargeCategory = 'Usage'
    AND charges.meter = '{FILL_IN}'
GROUP BY 1, 2, 3, 5
HAVING sum(charges.EffectiveCost) / $lookback_days * 30 >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
"""

CASES = f"""as_of = 2026-03-31

[charge]                       # default values for all charges
SubAccountId = "111122223333"
RegionId = "us-east-1"
ServiceName = "{FILL_IN}"
SkuMeter = "{FILL_IN}"
ResourceId = "{FILL_IN}"
ConsumedQuantity = 24.0
EffectiveCost = 10.0
days = [2026-03-01, 2026-03-31]    # one charge per day, from the first date up to, but not including, the second

[[cases]]
name = "{FILL_IN}: the rule, as a sentence"
kind = "fires"
charges = [{{}}]
findings = [{{ sub_account_id = "111122223333", monthly_cost = 300.0 }}]

[[cases]]
name = "{FILL_IN}: charges that must not result in a finding"
kind = "quiet"
charges = []

[[cases]]
name = "{FILL_IN}: an edge case, such as a null or a cost equal to the threshold"
kind = "boundary"
charges = [{{ ResourceId = "null" }}]
findings = [{{ resource_id = "null" }}]
"""


def write_new_detection(name: str, *, into: Path) -> list[Path]:
    """Write both files of the detection `name` to the repository `into`. Return their paths. Raises ConfigError."""
    if not re.fullmatch(ID_PATTERN, name):
        raise ConfigError(f"'{name}' is not a valid detection ID; expected {VALID_ID}.")
    detections, cases = into / "athena_sql" / "detections", into / "tests" / "detections"
    for folder in (detections, cases):
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} does not exist. Run the command in the root folder of a "
                "focuswatch checkout, or specify the root folder with --into."
            )
    files = {detections / f"{name}.sql": SQL, cases / f"{name}.toml": CASES}
    for path in files:
        if path.exists():
            raise ConfigError(f"{path} already exists. Choose another name, or edit the file.")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)
