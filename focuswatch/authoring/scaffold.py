"""The two files a new detection begins with, refused by the catalog until they are filled in."""

import re
from pathlib import Path

from focuswatch.catalog.catalog import FILL_IN
from focuswatch.errors import ConfigError

SQL = f"""/*
title     = "{FILL_IN}: one line that an owner understands"
category  = "waste"            # waste | security | anomaly | governance
schedule  = "daily"            # daily | every_refresh | weekly
status    = "trial"            # live | trial (told to the FinOps channel alone) | off
why       = \"\"\"
{FILL_IN}: what happens and what it costs, for someone who never heard of it.
\"\"\"
reason    = "{FILL_IN}: one sentence a finding, with {{columns}} of the row."
action    = \"\"\"
1. {FILL_IN}: what to check.
2. {FILL_IN}: the exact command.
\"\"\"
blind_spots = ["{FILL_IN}: a known way to be wrong"]
sources   = ["{FILL_IN}: https://… the billing fact it rests on"]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
*/
WITH lookbacks AS (
    SELECT sub_account_id, min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM completeness
    WHERE settled_recency <= $lookback_days
    GROUP BY sub_account_id
    HAVING count(*) = $lookback_days
)
SELECT
    charges.SubAccountId AS sub_account_id,
    charges.RegionId AS region_id,
    charges.ResourceId AS resource_id,
    sum(charges.EffectiveCost) / $lookback_days * 30 AS monthly_cost,
    charges.ServiceName AS service_name,
    max_by(charges.Tags, charges.charge_date) FILTER (WHERE charges.Tags IS NOT NULL) AS tags
FROM daily_charges AS charges
INNER JOIN lookbacks
    ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
    AND charges.charge_date BETWEEN lookbacks.first_day AND lookbacks.last_day
WHERE charges.ChargeCategory = 'Usage'
    AND charges.meter = '{FILL_IN}'
GROUP BY 1, 2, 3, 5
HAVING sum(charges.EffectiveCost) / $lookback_days * 30 >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
"""

CASES = f"""as_of = 2026-03-31

[charge]                       # what every charge has unless a case says otherwise
SubAccountId = "111122223333"
RegionId = "us-east-1"
ServiceName = "{FILL_IN}"
SkuMeter = "{FILL_IN}"
ResourceId = "{FILL_IN}"
ConsumedQuantity = 24.0
EffectiveCost = 10.0
days = [2026-03-01, 2026-03-31]    # a row on each day of [from, to)

[[cases]]
name = "{FILL_IN}: the claim, as a sentence"
kind = "fires"
charges = [{{}}]
findings = [{{ sub_account_id = "111122223333", monthly_cost = 300.0 }}]

[[cases]]
name = "{FILL_IN}: what must stay quiet"
kind = "quiet"
charges = []

[[cases]]
name = "{FILL_IN}: a null, a first day, exactly the threshold"
kind = "boundary"
charges = [{{ ResourceId = "null" }}]
findings = [{{ resource_id = "null" }}]
"""


def begin(name: str, *, into: Path) -> list[Path]:
    """Write both files of detection `name` into the repository `into` and say where. Raises ConfigError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,59}", name):
        raise ConfigError(
            f"'{name}' must be snake_case, 3 to 60 letters and digits, since it is the id everywhere."
        )
    detections, cases = into / "athena_sql" / "detections", into / "tests" / "detections"
    for folder in (detections, cases):
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} does not exist; run this in a clone of the repository, or name it with --into."
            )
    files = {detections / f"{name}.sql": SQL, cases / f"{name}.toml": CASES}
    for path in files:
        if path.exists():
            raise ConfigError(f"{path} exists already; choose another name, or edit it.")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)
