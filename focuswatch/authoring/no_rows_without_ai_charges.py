"""Check `ai_families`: a detection must return no rows for a bill without charges of its AI families.

A scan skips the detection on such a bill, so these rows would be missing.
"""

from collections.abc import Collection, Iterator

import duckdb

from focuswatch.authoring.detection_cases import Case, CaseFile, engine_of_case, input_of
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.catalog.sql_header_models import AiFamily
from focuswatch.detect.run_detection_and_check_rows import run_detection
from focuswatch.engines.values_as_sql_literals import literals


def problems_without_charges(
    case: Case, *, file: CaseFile, detection: Detection, catalog: Catalog, on: duckdb.DuckDBPyConnection
) -> Iterator[str]:
    """Yield a problem if the detection returns rows for the case without charges of its AI families.

    `on` must have the tables of the case, as `run_case` leaves them. The charges are not removed but attributed to
    other services, so that the bill keeps its days and accounts. A detection without `ai_families` always runs, so it
    cannot have this problem.
    """
    families = detection.header.ai_families
    if not families or not (case.findings or case.skipped):
        return
    inputs = input_of(case, file=file)
    engine = engine_of_case(
        on, catalog=catalog, inputs=inputs, daily_charges=charges_without(families, catalog=catalog)
    )
    outcome = run_detection(detection, engine=engine, catalog=catalog, inputs=inputs)
    if outcome.error:
        yield f"without charges of {', '.join(families)}: {outcome.error}"
    elif rows := len(outcome.rows) + len(outcome.not_evaluated):
        yield (
            f"the detection returns {'a row' if rows == 1 else f'{rows} rows'} for a bill without charges of its "
            f"ai_families ({', '.join(families)}). A scan skips the detection on such a bill, so these rows "
            "would be missing. In the header, list in ai_families all AI families that the detection evaluates, or "
            "remove ai_families."
        )


def charges_without(families: Collection[AiFamily], *, catalog: Catalog) -> str:
    """Return a SELECT of the table `daily_charges` in which no charge belongs to one of the AI families."""
    named = f"ai_family IN ({literals([*families])})"
    family = "CAST(NULL AS varchar)" if "any" in families else f"CASE WHEN NOT {named} THEN ai_family END"
    is_gpu = "false" if "gpu" in families else "is_gpu"
    sql = catalog.tables["daily_charges"].sql
    return f"SELECT * REPLACE ({family} AS ai_family, {is_gpu} AS is_gpu) FROM ({sql}) AS classified"
