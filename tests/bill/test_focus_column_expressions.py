"""Charges have the same columns and values, whatever FOCUS version, format or tool a file comes from."""

import csv
import json
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.bill.refresh.views_over_refreshed_files import DAY_COLUMNS
from focuswatch.bill.schema.columns_of_all_tables import DELIVERIES, FOLDED_CHARGES
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import KINDS, REQUIRED, REQUIRED_OF_AWS
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.errors import ExportError
from tests.given.exports import HOURLY, TYPES, USUAL, Reader, read, write

SAMPLE = Path(__file__).parents[1] / "data" / "focus_sample.csv"
FORMATS = ("parquet", "csv.gz")


def test_totals_of_the_public_sample_equal_those_of_python(tmp_path):
    """Totals by provider and service are computed with the modules csv and decimal."""
    expected = defaultdict(Decimal)
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            service = None if row["ServiceName"] == "NULL" else row["ServiceName"]
            expected[row["ProviderName"], service, "billed"] += Decimal(row["BilledCost"])
            expected[row["ProviderName"], service, "effective"] += Decimal(row["EffectiveCost"])
    reader = read(SAMPLE, tmp_path)
    rows = reader.query(
        "SELECT ProviderName, ServiceName, sum(BilledCost), sum(EffectiveCost) FROM folded_charges GROUP BY 1, 2"
    )
    assert len(rows) == len(expected) / 2 > 30
    for provider, service, billed, effective in rows:
        assert billed == pytest.approx(float(expected[provider, service, "billed"]), abs=1e-12)
        assert effective == pytest.approx(float(expected[provider, service, "effective"]), abs=1e-12)


def test_public_sample_is_recognized_as_focus_1_0(tmp_path):
    """The sample has 1,000 hourly charges of three providers in US dollars, without meters."""
    reader = read(SAMPLE, tmp_path)
    refreshed = reader.refresh()
    assert (refreshed.summary.charges, refreshed.grain, refreshed.focus_version) == (1000, "HOURLY", "1.0")
    assert refreshed.summary.currency == "USD"
    assert (refreshed.summary.first_charge_date, refreshed.summary.last_charge_date) == (
        date(2024, 9, 1),
        date(2024, 9, 30),
    )
    assert any("neither SkuMeter nor x_UsageType" in warning for warning in refreshed.summary.warnings)
    assert reader.column("DISTINCT ProviderName") == ["AWS", "Microsoft", "Oracle"]
    assert reader.column("DISTINCT Tags['environment']") == sorted(environments()) + [None]


def environments():
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        tags = (row["Tags"] for row in csv.DictReader(file))
        return {json.loads(tag)["environment"] for tag in tags if "environment" in tag}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_folded_charges_have_the_same_columns_for_each_format(tmp_path, format_, hours):
    """The view is the same for Parquet and CSV, daily and hourly."""
    reader = read(write(tmp_path / f"a.{format_}", hours), tmp_path / "state")
    assert {row[0]: row[1] for row in reader.query("DESCRIBE folded_charges")} == FOLDED_CHARGES
    assert {row[0]: row[1] for row in reader.query("DESCRIBE deliveries")} == DELIVERIES


def test_each_folded_column_is_read():
    """A column added to the tables must be read from the files."""
    assert set(FOLDED_CHARGES) - set(DAY_COLUMNS) <= set(KINDS)


@pytest.mark.parametrize("format_", FORMATS)
def test_column_names_are_case_insensitive(tmp_path, format_):
    """Glue tables and some tools write lower case."""
    lower = {name.lower(): type_ for name, type_ in TYPES.items()}
    row = {name.lower(): value for name, value in USUAL.items()}
    path = write(tmp_path / f"a.{format_}", row, types=lower, without=tuple(TYPES))
    assert read(path, tmp_path / "state").column("SkuMeter || Tags['team']") == ["BoxUsage:m5.largesearch"]


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("hours", [{}, HOURLY])
@pytest.mark.parametrize(
    "spelled", [snake, lambda name: snake(name).upper(), lambda name: snake(name).replace("_", " ")]
)
def test_column_names_match_in_snake_case(tmp_path, format_, hours, spelled):
    """Some databases call BilledCost `billed_cost` or `BILLED_COST`; x_ServiceCode keeps its x_."""
    types = {**TYPES, "x_ServiceCode": "VARCHAR"}
    row_values = {**USUAL, "x_ServiceCode": "AmazonEC2", **hours}
    path = write(
        tmp_path / f"a.{format_}",
        {spelled(name): value for name, value in row_values.items()},
        types={spelled(name): type_ for name, type_ in types.items()},
        without=tuple(TYPES),
    )
    reader = read(path, tmp_path / "state")
    assert reader.query(
        "SELECT SkuMeter, Tags['team'], x_ServiceCode, BilledCost, charge_date FROM folded_charges"
    ) == [("BoxUsage:m5.large", "search", "AmazonEC2", 1.0, date(2026, 5, 2))]


def test_exact_column_name_wins_and_two_variants_are_refused(tmp_path):
    """A tool may add a column; focuswatch does not guess between two variants."""
    path = write(tmp_path / "a.csv", {"billed_cost": "7"}, types={"billed_cost": "DOUBLE"})
    assert read(path, tmp_path / "state").billed() == 1.0
    types = {"billed_cost": "DOUBLE", "Billed Cost": "DOUBLE"}
    path = write(tmp_path / "b.parquet", types=types, without=["BilledCost"])
    with pytest.raises(ExportError, match="billed_cost and Billed Cost match the same FOCUS column"):
        read(path, tmp_path / "other")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_billing_periods_can_have_different_columns(tmp_path, format_, hours):
    """The first month has no reserved capacity, x_Discounts starts in the second, and the third has no meters."""
    more = {
        "CapacityReservationId": "VARCHAR",
        "x_Discounts": "MAP(VARCHAR, DOUBLE)",
        "PricingQuantity": "DOUBLE",
    }
    day = hours or {"ChargePeriodEnd": None}
    for month, types, without in (
        ("2026-04", {}, ["SkuMeter", "Tags"]),
        ("2026-05", more, []),
        ("2026-06", more, ["SkuMeter", "ChargePeriodEnd"]),
    ):
        row = {
            **day,
            "BillingPeriodStart": f"{month}-01",
            "ChargePeriodStart": f"{month}-02 0{7 if hours else 0}:00:00",
            "CapacityReservationId": "cr-1",
            "x_Discounts": "{Bundled=1.0}",
            "PricingQuantity": "2",
        }
        write(
            tmp_path / f"focus/data/billing_period={month}/focus-00001.{format_}",
            row,
            types=types,
            without=without,
        )
    reader = read(tmp_path / "focus", tmp_path / "state")
    assert reader.query(
        "SELECT billing_period, SkuMeter, CapacityReservationId, PricingQuantity FROM folded_charges ORDER BY 1"
    ) == [
        (date(2026, 4, 1), None, None, None),
        (date(2026, 5, 1), "BoxUsage:m5.large", "cr-1", 2.0),
        (date(2026, 6, 1), None, "cr-1", 2.0),
    ]
    assert reader.query("SELECT sum(charges) FROM kept_daily_services") == [(3,)]


@pytest.mark.parametrize("format_", FORMATS)
def test_required_columns_are_sufficient(tmp_path, format_):
    """All other columns are null of their type; the billing period is the month of the charge."""
    needed = (*REQUIRED, *REQUIRED_OF_AWS)
    path = write(tmp_path / f"a.{format_}", without=[name for name in TYPES if name not in needed])
    reader = read(path, tmp_path / "state")
    assert reader.query("SELECT billing_period, SkuMeter, Tags, PricingQuantity FROM folded_charges") == [
        (date(2026, 5, 1), None, None, None)
    ]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_a_vendor_without_regions_and_sub_accounts_is_read(tmp_path, format_, hours):
    """The billing account is then the account. FOCUS requires these columns only if the provider has such a concept."""
    types = {"BillingAccountId": "VARCHAR", "BillingAccountName": "VARCHAR"}
    path = write(
        tmp_path / f"a.{format_}",
        {"ProviderName": "MongoDB", "BillingAccountId": "org-1", "BillingAccountName": "", **hours},
        types=types,
        without=[*REQUIRED_OF_AWS, "SubAccountName"],
    )
    assert read(path, tmp_path / "state").query(
        "SELECT SubAccountId, SubAccountName, RegionId, ResourceId, ConsumedQuantity, BilledCost FROM folded_charges"
    ) == [("org-1", None, None, None, None, 1.0)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Provider",), "OpenRouter"),
        (("provider", "ProviderName"), "AWS"),
        (("Service Provider",), "OpenRouter"),
    ],
)
def test_display_name_of_the_provider_is_read(tmp_path, names, expected):
    """Some open-source exporters write display names. Without a provider, every charge would count as one of AWS."""
    path = write(
        tmp_path / "a.csv",
        {name: "OpenRouter" for name in names if name != "ProviderName"},
        types=dict.fromkeys(names, "VARCHAR"),
        without=[] if "ProviderName" in names else ["ProviderName"],
    )
    assert read(path, tmp_path / "state").column("ProviderName") == [expected]


@pytest.mark.parametrize("format_", FORMATS)
def test_charges_of_aws_need_their_columns(tmp_path, format_):
    """Without them, detections would find nothing; the error names the columns that are missing in this file."""
    path = write(
        tmp_path / f"a.{format_}", {"ProviderName": "MongoDB"}, {"ProviderName": "AWS"}, without=["RegionId"]
    )
    with pytest.raises(
        ExportError,
        match=r"a\.[a-z.]+ lacks RegionId, required for AWS charges\. The columns match",
    ):
        read(path, tmp_path / "state")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("start", "month"),
    [
        ("2026-04-30 16:00:00", 5),  # Huawei Cloud, Alibaba Cloud and Tencent Cloud: UTC+8
        ("2026-05-01 00:00:00", 5),
        ("2026-05-01 07:00:00", 5),  # Google Cloud: US Pacific time
        ("2026-05-31 00:00:00", 5),  # LiteLLM: the day of the charge
    ],
)
def test_billing_period_is_the_month_in_the_time_zone_of_the_provider(tmp_path, format_, start, month):
    path = write(tmp_path / f"a.{format_}", {"BillingPeriodStart": start, "ProviderName": "Huawei Cloud"})
    reader = read(path, tmp_path / "state")
    assert reader.column("billing_period") == [date(2026, month, 1)]
    assert reader.refresh().summary.warnings[1:] == ()  # the first one states the provider


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("types", "row", "version", "expected"),
    [
        ({"x_UsageType": "VARCHAR"}, {"x_UsageType": "USE1-SearchOCU"}, "1.0", ("AWS", "USE1-SearchOCU")),
        ({"SkuMeter": "VARCHAR"}, {"SkuMeter": "USE1-SearchOCU"}, "1.2", ("AWS", "USE1-SearchOCU")),
        (
            {"SkuMeter": "VARCHAR", "ServiceProviderName": "VARCHAR"},
            {"ServiceProviderName": "Anthropic", "SkuMeter": None},
            "1.3",
            ("AWS", None),
        ),
        (
            {"ServiceProviderName": "VARCHAR", "x_UsageType": "VARCHAR", "SkuMeter": "VARCHAR"},
            {"ServiceProviderName": "", "x_UsageType": "u", "SkuMeter": ""},
            "1.3",
            ("AWS", "u"),
        ),
    ],
)
def test_each_version_is_read_as_1_2(tmp_path, format_, types, row, version, expected):
    """The usage type of 1.0 is the meter; 1.3 also has the seller. A blank value does not hide another column."""
    path = write(
        tmp_path / f"a.{format_}", row, types=types, without=[n for n in ["SkuMeter"] if n not in types]
    )
    reader = read(path, tmp_path / "state")
    assert reader.query("SELECT ProviderName, SkuMeter FROM folded_charges") == [expected]
    assert reader.refresh().focus_version == version


@pytest.mark.parametrize(
    ("columns", "row", "meter"),
    [
        (("x_SkuMeterName",), {"x_SkuMeterName": "D4s v3", "ProviderName": "Microsoft"}, "D4s v3"),
        (("ChargeDescription",), {"ChargeDescription": "N2 Core", "ProviderName": "Google Cloud"}, "N2 Core"),
        (("ChargeDescription",), {"ChargeDescription": "$0.1 per hour", "ProviderName": "AWS"}, None),
        (("ChargeDescription", "SkuMeter"), {"ChargeDescription": "d", "SkuMeter": None}, None),
    ],
)
def test_meter_of_other_providers_is_their_meter_name_or_description(tmp_path, columns, row, meter):
    """The description is used only if no column contains meters, and never for AWS."""
    without = [] if "SkuMeter" in columns else ["SkuMeter"]
    path = write(tmp_path / "a.parquet", row, types=dict.fromkeys(columns, "VARCHAR"), without=without)
    assert read(path, tmp_path / "state").column("SkuMeter") == [meter]


def test_focus_1_4_without_the_removed_columns_is_read(tmp_path):
    """ProviderName and PublisherName can be missing."""
    path = write(
        tmp_path / "a.parquet",
        {"ServiceProviderName": "AWS"},
        types={"ServiceProviderName": "VARCHAR"},
        without=["ProviderName"],
    )
    reader = read(path, tmp_path / "state")
    assert reader.query("SELECT ProviderName, PublisherName FROM folded_charges") == [("AWS", None)]
    assert reader.refresh().focus_version == "1.4"


MAP_OR_JSON = [
    ("parquet", "MAP(VARCHAR, VARCHAR)", "{namespace=shop}"),
    ("parquet", "VARCHAR", '{"namespace": "shop"}'),
    ("csv.gz", "VARCHAR", '{"namespace": "shop"}'),
]


@pytest.mark.parametrize(("format_", "type_", "tags"), MAP_OR_JSON)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_a_split_charge_also_has_its_allocated_tags(tmp_path, format_, type_, tags, hours):
    """In FOCUS 1.3, split charges replace the whole charge; the unallocated rest has only the tags of the resource."""
    split = {"AllocatedMethodId": "m-1", "AllocatedResourceId": "pod-1", "AllocatedTags": tags}
    rest = {"AllocatedMethodId": "m-1"}
    path = write(
        tmp_path / f"a.{format_}",
        {**split, "BilledCost": "6", **hours},
        {**rest, "BilledCost": "3", **hours},
        {"ResourceId": "i-9", "BilledCost": "1", **hours},
        types={"AllocatedMethodId": "VARCHAR", "AllocatedResourceId": "VARCHAR", "AllocatedTags": type_},
    )
    rows = read(path, tmp_path / "state").query(
        "SELECT ResourceId, Tags['namespace'], Tags['team'], sum(BilledCost) FROM folded_charges "
        "GROUP BY ALL ORDER BY 4"
    )
    assert rows == [
        ("i-9", None, "search", 1.0),
        ("i-0", None, "search", 3.0),
        ("i-0", "shop", "search", 6.0),
    ]


def test_allocated_tags_count_without_the_column_tags(tmp_path):
    path = write(
        tmp_path / "a.csv",
        {"AllocatedTags": '{"team": true}'},
        types={"AllocatedTags": "VARCHAR"},
        without=["Tags"],
    )
    assert read(path, tmp_path / "state").column("Tags['team']") == ["true"]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("seller", "issuer", "provider"),
    [
        ("AWS", "Amazon Web Services, Inc.", "AWS"),
        ("Anthropic", "Amazon Web Services EMEA SARL", "AWS"),
        ("AWS", "A reseller", "AWS"),
        ("Amazon Web Services", None, "Amazon Web Services"),
        ("Microsoft", "Microsoft", "Microsoft"),
        ("A reseller", "A reseller", "A reseller"),
        (None, "", None),
    ],
)
def test_charges_invoiced_by_aws_belong_to_aws(tmp_path, format_, seller, issuer, provider):
    """FOCUS 1.4 has no ProviderName, and third-party Bedrock models have sellers other than AWS."""
    path = write(
        tmp_path / f"a.{format_}",
        {"ServiceProviderName": seller, "InvoiceIssuerName": issuer, "HostProviderName": "AWS"},
        types=dict.fromkeys(("ServiceProviderName", "InvoiceIssuerName", "HostProviderName"), "VARCHAR"),
        without=["ProviderName"],
    )
    assert read(path, tmp_path / "state").column("ProviderName") == [provider]


def test_files_of_several_versions_are_one_export(tmp_path):
    """For example, an account changed from 1.0 to 1.2, and a tool changed the order of the columns."""
    folder = tmp_path / "bill"
    write(folder / "a.parquet", {"x_UsageType": "a"}, types={"x_UsageType": "VARCHAR"}, without=["SkuMeter"])
    write(folder / "b.parquet", {"SkuMeter": "b"})
    shuffled = dict(reversed(TYPES.items()))
    write(folder / "c.parquet", {"SkuMeter": "c"}, types=shuffled)
    path = write(folder / "d.csv", {"SkuMeter": "d"})
    head, tail = path.read_text().splitlines()[:2]
    tail = tail.replace("i-0", "i-1")
    (folder / "e.csv").write_text(f"Note,{head},BilledCost\n7,{tail},100\n")  # BilledCost occurs twice
    reader = read(folder, tmp_path / "state")
    assert reader.column("SkuMeter") == ["a", "b", "c", "d", "d"]
    assert reader.billed() == 5.0


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("MAP(VARCHAR, VARCHAR)", "{team=search}", "search"),
        ("MAP(VARCHAR, VARCHAR)", "{}", None),
        ("MAP(VARCHAR, VARCHAR)", None, None),
        ("STRUCT(team VARCHAR, env VARCHAR)", "{'team': search, 'env': NULL}", "search"),
        ('STRUCT("key" VARCHAR, "value" VARCHAR)[]', "[{'key': team, 'value': search}]", "search"),
        ("VARCHAR", '{"team": "search"}', "search"),
        ("VARCHAR", '{"team": "\\u00e9 \\"q\\""}', 'é "q"'),
        ("VARCHAR", "{}", None),
        ("VARCHAR", "", None),
        ("VARCHAR", "NULL", None),
        ("VARCHAR", None, None),
        ("JSON", '{"team": "search"}', "search"),
    ],
)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_tags_are_a_map_in_each_encoding(tmp_path, type_, value, expected, hours):
    """Tags may be a map, a struct, a list of entries or JSON text; an empty value means no tags."""
    path = write(tmp_path / "a.parquet", {"Tags": value, **hours}, types={"Tags": type_})
    assert read(path, tmp_path / "state").column("Tags['team']") == [expected]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_blank_text_is_null(tmp_path, format_, hours):
    """Some tools write '' and NULL as text; a service named NULL would be a new service."""
    rows = [{"ServiceName": name, "RegionId": name, **hours} for name in ("", "NULL", None)]
    reader = read(write(tmp_path / f"a.{format_}", *rows), tmp_path / "state")
    assert reader.query("SELECT DISTINCT ServiceName, RegionId FROM folded_charges") == [(None, None)]
    assert reader.billed() == 3.0


@pytest.mark.parametrize("value", ["", "NULL"])
def test_blank_among_nulls_is_null(tmp_path, value):
    """In daily Parquet, text columns are checked for blank values only if a file has any."""
    types = {"ChargeClass": "VARCHAR", "x_ServiceCode": "VARCHAR"}
    blank = {"x_ServiceCode": "", "ChargeClass": None} if value == "" else {"ChargeClass": "NULL"}
    path = write(tmp_path / "a.parquet", *[{"x_ServiceCode": "AmazonEC2"}] * 3, blank, types=types)
    reader = read(path, tmp_path / "state")
    assert reader.query("SELECT count(x_ServiceCode), count(ChargeClass), count(*) FROM folded_charges") == [
        (3, 0, 4)
    ]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("TIMESTAMP_MS", "2026-05-02 23:30:00"),
        ("TIMESTAMP", "2026-05-02 23:30:00"),
        ("TIMESTAMP_NS", "2026-05-02 23:30:00"),
        ("TIMESTAMP WITH TIME ZONE", "2026-05-02 23:30:00+00"),
        ("BIGINT", "1777764600000"),
        ("VARCHAR", "2026-05-02 23:30:00"),
        ("VARCHAR", "2026-05-02T23:30:00Z"),
        ("VARCHAR", "2026-05-02T23:30:00.000Z"),
        ("VARCHAR", "2026-05-02 23:30:00 UTC"),
        ("VARCHAR", "2026-05-03T01:30:00+02:00"),
        ("DATE", "2026-05-02"),
    ],
)
def test_day_of_a_charge_is_in_utc_in_each_encoding(tmp_path, type_, value):
    """A wrong time zone would change the day of a charge at 23:30."""
    path = write(tmp_path / "a.parquet", {"ChargePeriodStart": value}, types={"ChargePeriodStart": type_})
    reader = Reader(path, tmp_path / "state", connection=connect())
    reader.refresh()
    reader.connection.execute("SET TimeZone = 'Asia/Tokyo'")
    assert reader.column("charge_date") == [date(2026, 5, 2)]


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-02 23:30:00",
        "2026-05-02T23:30:00Z",
        "2026-05-02T23:30:00.000Z",
        "2026-05-03T01:30:00+02:00",
        "2026-05-02T21:30:00.000-02:00",
    ],
)
def test_time_in_csv_is_read_in_each_format(tmp_path, value):
    """AWS writes T and Z, other tools a space or an offset."""
    path = write(tmp_path / "a.csv", {"ChargePeriodStart": value}, types={"ChargePeriodStart": "VARCHAR"})
    assert read(path, tmp_path / "state").column("charge_date") == [date(2026, 5, 2)]


@pytest.mark.parametrize("type_", ["DOUBLE", "FLOAT", "DECIMAL(18, 4)", "INTEGER", "VARCHAR"])
def test_costs_are_numbers_in_each_type(tmp_path, type_):
    """Costs may be decimals, doubles, integers or text."""
    path = write(tmp_path / "a.parquet", {"BilledCost": "12"}, types={"BilledCost": type_})
    assert read(path, tmp_path / "state").billed() == 12.0


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_csv_with_other_delimiters_is_read(tmp_path, mark):
    """German spreadsheets write semicolons."""
    path = tmp_path / "a.csv"
    names = [name for name in USUAL if name != "Tags"]
    path.write_text(
        mark.join(names) + "\n" + mark.join(USUAL[name] for name in names) + "\n", encoding="utf-8-sig"
    )
    assert read(path, tmp_path / "state").billed() == 1.0


def test_charges_of_other_providers_are_read(tmp_path):
    """An Azure bill has no x_ columns of AWS and is accepted."""
    path = write(tmp_path / "a.csv", {"ProviderName": "Microsoft", "ServiceName": "Virtual Machines"})
    assert read(path, tmp_path / "state").column("ProviderName") == ["Microsoft"]


def test_hours_are_folded_to_days_with_equal_sums(tmp_path):
    """24 hours of a resource are one row; other tags are another row."""
    hours = [{"ChargePeriodStart": f"2026-05-02 {hour:02}:00:00"} for hour in range(24)]
    tagged = {**HOURLY, "Tags": "{team=ads}"}
    reader = read(write(tmp_path / "a.parquet", *hours, tagged), tmp_path / "state")
    assert reader.query(
        "SELECT charge_date, Tags['team'], BilledCost, EffectiveCost, ConsumedQuantity FROM folded_charges ORDER BY 2"
    ) == [(date(2026, 5, 2), "ads", 1.0, 0.5, 24.0), (date(2026, 5, 2), "search", 24.0, 12.0, 576.0)]


def test_daily_parquet_is_not_copied(tmp_path):
    """The state contains a view of the files and the small tables, but no charges."""
    reader = read(write(tmp_path / "a.parquet"), tmp_path / "state")
    assert not [name for name in reader.stored() if "part-" in name]


@pytest.mark.parametrize(("type_", "written"), [("BIGINT", "1122223333"), ("DOUBLE", "1122223333")])
def test_numeric_account_id_gets_its_leading_zeros(tmp_path, type_, written):
    """Owners and accounts are matched by 12 digits."""
    path = write(tmp_path / "a.parquet", {"SubAccountId": written}, types={"SubAccountId": type_})
    assert read(path, tmp_path / "state").column("SubAccountId") == ["001122223333"]


@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_billing_period_is_a_month_whatever_its_day(tmp_path, hours):
    """The charges belong to one month, whether they are daily or hourly."""
    path = write(tmp_path / "a.parquet", {**hours, "BillingPeriodStart": "2026-05-02 07:00:00"})
    assert read(path, tmp_path / "state").column("billing_period") == [date(2026, 5, 1)]


def test_carriage_return_in_quotes_is_part_of_a_value(tmp_path):
    """This holds even if another delimiter is tried first."""
    path = write(tmp_path / "a.csv", {"ServiceName": "Two\rlines"})
    assert read(path, tmp_path / "state").column("ServiceName") == ["Two\rlines"]
