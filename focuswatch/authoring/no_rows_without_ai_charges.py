"""Check `ai_families`: without their charges, where a scan does not run a detection, it must return no rows."""

from collections.abc import Collection, Iterator

import duckdb

from focuswatch.authoring.detection_cases import Case, CaseFile, input_of
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.catalog.sql_header_fields import AiFamily
from focuswatch.detect.run_detection import run_detection
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.sql_values import literals


def problems_without_charges(
    case: Case, *, file: CaseFile, detection: Detection, catalog: Catalog, on: duckdb.DuckDBPyConnection
) -> Iterator[str]:
    """Yield a problem if a case has rows that do not depend on charges of the detection's AI families.

    `on` has the tables of the case, as run_case leaves them. The charges stay on the bill as those of other services,
    so that its days and accounts stay the same. A detection without `ai_families` always runs, and has no problem.
    """
    families = detection.header.ai_families
    if not families or not (case.findings or case.skipped):
        return
    on.execute(f"CREATE OR REPLACE VIEW daily_charges AS {charges_without(families, catalog=catalog)}")
    inputs = input_of(case, file=file)
    outcome = run_detection(detection, engine=DuckDbEngine(on), catalog=catalog, inputs=inputs)
    if outcome.error:
        yield f"without charges of {', '.join(families)}: {outcome.error}"
    elif rows := len(outcome.rows) + len(outcome.not_evaluated):
        yield (
            f"the detection returns {'a row' if rows == 1 else f'{rows} rows'} for a bill without charges of its "
            f"ai_families ({', '.join(families)}). A scan does not run the detection on such a bill. Add all AI "
            "families that the detection evaluates to ai_families, or remove ai_families from the header."
        )


def charges_without(families: Collection[AiFamily], *, catalog: Catalog) -> str:
    """Return a SELECT of the table `daily_charges` in which no charge is of one of the AI families."""
    named = f"ai_family IN ({literals([*families])})"
    family = "CAST(NULL AS varchar)" if "any" in families else f"CASE WHEN NOT {named} THEN ai_family END"
    is_gpu = "false" if "gpu" in families else "is_gpu"
    sql = catalog.tables["daily_charges"].sql
    return f"SELECT * REPLACE ({family} AS ai_family, {is_gpu} AS is_gpu) FROM ({sql}) AS classified"
