"""The FOCUS columns that focuswatch reads, in FOCUS 1.2 terms, and the SQL that derives each from a file's columns.

Column names match in any case. `focus_export` has these columns and types for every FOCUS version, provider and file
format.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from focuswatch.engines.quote_sql_identifier import quoted

Kind = Literal["text", "number", "time", "tags"]

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "time": "TIMESTAMP",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
TEXT_TYPES = ("VARCHAR", "BLOB", "JSON")  # Parquet is read with binary_as_string
NUMERIC_TYPES = ("INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE")
CSV_TYPES: dict[Kind, str] = {**SQL_TYPES, "tags": "VARCHAR"}  # read_csv does not support maps
TEXTS = (
    "ProviderName",
    "BillingCurrency",
    "SubAccountId",
    "RegionId",
    "ServiceName",
    "SkuMeter",
    "x_Operation",
    "ResourceId",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "PricingCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "CapacityReservationId",
    "ConsumedUnit",
    "PricingUnit",
    "SubAccountName",
    "x_ServiceCode",
    "ServiceCategory",
    "PublisherName",
    "CommitmentDiscountType",
    "CommitmentDiscountName",
)
MOSTLY_NULL = (
    "ChargeClass",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "CapacityReservationId",
    "ResourceId",
    "RegionId",
)
# Impossible quantities do not cause a file to be rejected, unlike impossible costs: see
# query_period_facts_and_export_grain.
QUANTITIES = ("ConsumedQuantity", "PricingQuantity")
# Larger quantities and NaN are read as null. An exabyte stored for a month is 1e21 byte-hours.
MOST_QUANTITY = "1e30"
NUMBERS = ("BilledCost", "EffectiveCost", *QUANTITIES)
TIMES = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart")
# A billing period starts at midnight in the provider's time zone: in Shanghai, May starts at 2026-04-30T16:00:00Z. The
# easternmost time zone is 14 hours ahead of UTC.
# https://support.huaweicloud.com/intl/en-us/usermanual-cost/costcenter_000002_03_07.html
FARTHEST_EAST_HOURS = 14

KINDS: dict[str, Kind] = {
    **dict.fromkeys(TIMES, "time"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(NUMBERS, "number"),
    "Tags": "tags",
}
REQUIRED = (
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodStart",
    "EffectiveCost",
    "ServiceName",
)
# FOCUS requires these only of providers that have regions, resources, sub accounts or metered usage, as AWS has.
# https://focus.finops.org/focus-specification/v1-2/ (feature level Conditional)
REQUIRED_OF_AWS = ("ConsumedQuantity", "RegionId", "ResourceId", "SubAccountId")
# Columns that replace those of sub accounts for a provider that has only billing accounts.
WITHOUT_SUB_ACCOUNTS = {"SubAccountId": "BillingAccountId", "SubAccountName": "BillingAccountName"}
# The columns with the same meaning, such as renamed ones, in order of preference; the first one with a value is used.
SOURCES = {
    # AWS (x_UsageType) and Azure (x_SkuMeterName) had their own columns before FOCUS had SkuMeter. ChargeDescription is
    # used only if a file has none of these: Google writes the SKU in it, LiteLLM the model.
    "SkuMeter": ("SkuMeter", "x_UsageType", "x_SkuMeterName", "ChargeDescription"),
    # FOCUS 1.3 names the seller instead of the marketplace. Everything that AWS invoices counts as an AWS charge,
    # including models of other vendors.
    # https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, appendix/entity_identification.md, scenario 3.1
    "ProviderName": ("ProviderName", "InvoiceIssuerName", "ServiceProviderName"),
}
SELLER = "serviceprovidername"
METERS = ("SkuMeter", "x_UsageType", "x_SkuMeterName")
# Names of AWS as written by AWS, and by tools that rewrite exports.
IS_NAME_OF_AWS = "regexp_matches(lower(trim({})), '^(aws|amazon)')"
# FOCUS display names that differ from the column name by more than spaces; some exporters write them.
DISPLAY_NAMES = {
    "provider": "providername",
    "publisher": "publishername",
    "invoiceissuer": "invoiceissuername",
    "serviceprovider": "serviceprovidername",
    "hostprovider": "hostprovidername",
}
SEPARATORS = re.compile(r"[\s_-]+")
OFFSET = re.compile(r":\d\d(\.\d+)?\s*[+-]\d\d(:?\d\d)?$")  # 2026-05-02T23:30:00+02:00
READ: dict[str, Kind] = {
    name.lower(): kind for column, kind in KINDS.items() for name in SOURCES.get(column, (column,))
}
READ |= {name.lower(): "text" for name in WITHOUT_SUB_ACCOUNTS.values()}
# These columns are read, but not as columns of `focus_export`: see focuswatch.bill.ingest.exchange_rates_from_costs.
PRICING_CURRENCY, PRICING_COST = "pricingcurrency", "pricingcurrencyeffectivecost"
READ |= {PRICING_CURRENCY: "text", PRICING_COST: "number"}
# FOCUS 1.3: the tags of the part of a resource to which a split charge is allocated; Tags are those of the whole
# resource. The split charges replace the original charge and add up to it.
# https://focus.finops.org/focus-specification/v1-3/#datagenerator-calculatedsplitcostallocationhandling
ALLOCATED_TAGS = "allocatedtags"
READ |= {ALLOCATED_TAGS: "tags"}
INVOICE = "InvoiceId"  # only in delivered files, not in tables; see focuswatch.bill.charges_by_invoice
READ |= {INVOICE.lower(): "text"}
MARKS_OF_1_4 = ("InvoiceDetailId", "CommitmentProgramEligibilityDetails")
MARKS_OF_1_3 = ("ServiceProviderName", "HostProviderName", "AllocatedMethodId", "ContractApplied")
MARKS_OF_1_2 = ("SkuMeter", "InvoiceId", "PricingCurrency", "SubAccountType")


def canonical(name: str) -> str:
    """Return the canonical form of a column name: `BilledCost`, `billedcost` and `billed_cost` are one column."""
    lowered = name.strip().lower()
    if lowered in READ:
        return lowered
    extension, *words = SEPARATORS.split(lowered)
    if extension == "x":
        return "x_" + "".join(words)
    joined = extension + "".join(words)
    return DISPLAY_NAMES.get(joined, joined)


def own_names(names: Sequence[str]) -> dict[str, str]:
    """Return the file's own name of every FOCUS column that is read, by canonical name.

    The spelling of the specification takes precedence. Raises ValueError naming two columns if neither has it.
    """
    names_by_column: dict[str, str] = {}
    for name in names:
        column = canonical(name)
        previous = names_by_column.get(column)
        if column not in READ or (previous and previous.strip().lower() == column):
            continue
        if previous and name.strip().lower() != column:
            raise ValueError(f"{previous} and {name}")
        names_by_column[column] = name
    return names_by_column


def sources(column: str) -> tuple[str, ...]:
    """Return the names under which a file may have `column`, the preferred one first."""
    return SOURCES.get(column, (column,))


def focus_version(names: set[str]) -> str:
    """Return the version that canonical column names indicate: `1.0`, `1.2`, `1.3` or `1.4`; 1.1 counts as 1.2.

    FOCUS 1.4 removed ProviderName, which 1.3 still requires beside ServiceProviderName.
    """
    if any(mark.lower() in names for mark in MARKS_OF_1_4):
        return "1.4"
    if SELLER in names and "providername" not in names:
        return "1.4"
    if any(mark.lower() in names for mark in MARKS_OF_1_3):
        return "1.3"
    return "1.2" if any(mark.lower() in names for mark in MARKS_OF_1_2) else "1.0"


def expression(column: str, types: Mapping[str, tuple[str, str]], *, blanks: bool) -> str:
    """Return SQL for one column of `focus_export`; Tags keep the type of the file.

    `types` maps the canonical name of a source column to its own name and DuckDB type. Text that means null becomes
    null if `blanks` is set, and always where it would be parsed or would hide the value of another source.
    """
    kind = KINDS[column]
    found = {name: types[name.lower()] for name in sources(column) if name.lower() in types}
    if SELLER not in types:
        found.pop("InvoiceIssuerName", None)  # not needed without the seller's name; saves reading a column
    if len(found) > 1 or not _provider(types):
        found.pop("ChargeDescription", None)  # rows without a value in a meter column have no meter
    if not found and "subaccountid" not in types:
        fallback = WITHOUT_SUB_ACCOUNTS.get(column, "").lower()
        found = {column: types[fallback]} if fallback in types else {}
        blanks = True  # the shape does not state whether the fallback column may be blank
    blanks = blanks or len(found) > 1 or kind != "text"
    values = [
        _limited(value, source=source, types=types)
        for source, (name, type_) in found.items()
        for value in [_converted(_text(name, type_, blanks=blanks), type_, kind=kind)]
    ]
    if column in QUANTITIES:  # in DuckDB, NaN is greater than any number
        values = [f"CASE WHEN abs({value}) <= {MOST_QUANTITY} THEN {value} END" for value in values]
    if column == "SubAccountId" and found and found[column][1] in NUMERIC_TYPES:
        return _account_id(quoted(found[column][0]))
    if not values:
        return f"CAST(NULL AS {SQL_TYPES[kind]})"
    return f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]


def invoice_id(types: Mapping[str, tuple[str, str]]) -> str:
    """Return SQL for InvoiceId, null if the files lack it; `types` is as in `expression`."""
    name, _ = types.get(INVOICE.lower(), (None, ""))
    if name is None:
        return "CAST(NULL AS VARCHAR)"
    return without_blanks(f"CAST({quoted(name)} AS VARCHAR)")


def _limited(value: str, *, source: str, types: Mapping[str, tuple[str, str]]) -> str:
    """Return the value of a source column, null in rows where it does not have the meaning of the FOCUS column.

    An invoice issuer other than AWS may resell AWS services, so it is not the provider. ChargeDescription is not a
    meter in AWS charges.
    """
    match source:
        case "InvoiceIssuerName":
            return f"CASE WHEN {IS_NAME_OF_AWS.format(value)} THEN 'AWS' END"
        case "ChargeDescription":
            return f"CASE WHEN NOT {IS_NAME_OF_AWS.format(quoted(_provider(types)))} THEN {value} END"
    return value


def _provider(types: Mapping[str, tuple[str, str]]) -> str:
    """Return the files' own name of the provider column; empty if they have none."""
    return next((types[name][0] for name in ("providername", SELLER) if name in types), "")


def _account_id(number: str) -> str:
    """Return SQL that restores the leading zeros of an AWS account ID that a tool converted to a number."""
    digits = f"CAST(CAST({number} AS HUGEINT) AS VARCHAR)"
    return f"CASE WHEN length({digits}) < 12 THEN lpad({digits}, 12, '0') ELSE {digits} END"


def without_blanks(value: str) -> str:
    """Return SQL that converts '' and 'NULL', which some exporters write for null, to null."""
    return f"CASE WHEN {value} IN ('', 'NULL') THEN NULL ELSE {value} END"


def csv_type(kind: Kind, example: str) -> str:
    """Return the DuckDB type for a CSV column; `example` is a value that shows whether times have an offset.

    Without the time zone in the type, DuckDB silently drops an offset. Times without an offset are read without it,
    because parsing time zones takes DuckDB twice as long.
    """
    return "TIMESTAMP WITH TIME ZONE" if kind == "time" and OFFSET.search(example) else CSV_TYPES[kind]


def is_native(type_: str, *, kind: Kind) -> bool:
    """Return whether a column of this DuckDB type is read as it is or by a plain cast, without parsing text."""
    match kind:
        case "text":
            return True
        case "number":
            return type_ not in TEXT_TYPES
        case "time":
            return type_.startswith(("TIMESTAMP", "DATE"))
        case "tags":
            return type_ == SQL_TYPES["tags"]


def _text(name: str, type_: str, *, blanks: bool) -> str:
    value = f"CAST({quoted(name)} AS VARCHAR)" if type_ == "JSON" else quoted(name)
    return without_blanks(value) if blanks and type_ in TEXT_TYPES else value


def _converted(value: str, type_: str, *, kind: Kind) -> str:
    if type_ == SQL_TYPES[kind] or kind == "tags" or (kind == "text" and type_ in TEXT_TYPES):
        return value
    if kind == "time" and type_ in TEXT_TYPES:
        return f"timezone('UTC', CAST({value} AS TIMESTAMP WITH TIME ZONE))"  # the session's time zone is UTC
    if kind == "time" and type_ == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {value})"
    if kind == "time" and type_ in ("BIGINT", "UBIGINT"):
        return f"make_timestamp_ms(CAST({value} AS BIGINT))"
    return f"CAST({value} AS {SQL_TYPES[kind]})"


def with_allocated_tags(types: Mapping[str, tuple[str, str]]) -> str:
    """Return SQL for Tags and AllocatedTags as one map; `types` is as in `expression`."""
    maps = [
        map_of(_text(name, type_, blanks=True), type_)
        for name, type_ in (types[column] for column in ("tags", ALLOCATED_TAGS) if column in types)
    ]
    return f"map_concat({', '.join(maps)})" if len(maps) > 1 else maps[0]


def map_of(tags: str, type_: str) -> str:
    """Return SQL for Tags as a map, from JSON text, a struct, a list of entries, or a map of other types."""
    if type_ == SQL_TYPES["tags"]:
        return tags
    if type_.endswith("[]"):
        return f"map_from_entries({tags})"
    if type_.startswith("STRUCT"):
        tags = f"to_json({tags})"
    return f"CAST(CAST({tags} AS JSON) AS {SQL_TYPES['tags']})"
