"""Read the charges of a simulated export back from its files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.duckdb_connection_macros_and_tables import file_list

BEDROCK = """
SELECT
    CAST(ChargePeriodStart AS date) AS day, SubAccountId, RegionId, SkuMeter, ServiceName,
    sum(CAST(ConsumedQuantity AS double)) AS quantity, sum(CAST(EffectiveCost AS double)) AS cost
FROM {source}
WHERE ServiceName LIKE '%Bedrock%' AND ServiceName NOT LIKE '%AgentCore%'
    AND ChargeCategory = 'Usage' AND ChargeClass IS DISTINCT FROM 'Correction' AND SkuMeter IS NOT NULL
GROUP BY ALL
HAVING cost > 0
ORDER BY ALL
"""


def bedrock_charges(files: Iterable[Path]) -> list[tuple[Any, ...]]:
    """Return the Bedrock charges of an export: day, account, region, meter, service, quantity, cost."""
    with duckdb.connect() as connection:
        return connection.execute(BEDROCK.format(source=export_source(files))).fetchall()


def export_source(files: Iterable[Path]) -> str:
    """Return the SQL that reads the files of an export."""
    paths = [str(file) for file in files]
    reader = "read_parquet" if paths[0].endswith(".parquet") else "read_csv"
    options = "" if reader == "read_parquet" else ", all_varchar = true"
    return f"{reader}({file_list(paths)}{options}, hive_partitioning = false)"
