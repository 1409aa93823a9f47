"""Explanations of cost increases: cost drivers, volume and price, started and stopped resources."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.schema.columns_of_all_tables import ACTIVITY, DAILY_CHARGES, EVENTS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.attach_explanations import attach_explanations
from focuswatch.detect.explain.explain_cost_increases import explain_cost_increases
from focuswatch.detect.explain.explain_finding_or_say_why_not import charges_by_category
from focuswatch.detect.explain.query_cost_drivers import query_cost_drivers
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease, cost_increase_of
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.trino_create_and_insert_sql import create_statement, insert_statements
from focuswatch.errors import QueryError
from focuswatch.findings.cost_increase_explanation_models import NAME_CHARACTERS, Explanation
from focuswatch.findings.cost_increase_explanation_text import explanation_headline, explanation_sentences
from focuswatch.findings.finding import Finding
from focuswatch.findings.split_token_cost_increase import TokenUse, split_token_cost
from focuswatch.ledger import Decision, SqliteLedger, decide
from tests.given.explanations import EXPLANATION, explanation, part
from tests.given.one_line_findings import finding, run
from tests.given.statements_of_scan import statements_of_explanations

CATALOG = Catalog.load()
AS_OF = date(2026, 6, 1)
BEFORE, INCREASE_DAY, END = date(2026, 4, 1), date(2026, 5, 25), date(2026, 5, 27)  # a Monday and a Tuesday
ACCOUNT, SERVICE = "111122223333", "Amazon Elastic Compute Cloud"
CHARGE = {
    "SubAccountId": ACCOUNT,
    "RegionId": "eu-west-1",
    "ServiceName": SERVICE,
    "SkuMeter": "EU-BoxUsage:m5.large",
    "x_Operation": "RunInstances",
    "ResourceId": "arn:aws:ec2:eu-west-1:111122223333:instance/i-old",
    "ConsumedQuantity": 24.0,
    "EffectiveCost": 24.0,
    "days": [BEFORE, END],
}
INCREASE = CostIncrease(
    fingerprint="f" * 20,
    sub_account_id=ACCOUNT,
    region_id=None,
    service_name=SERVICE,
    resource_id=None,
    first_day=INCREASE_DAY,
    end_day=END,
    excess=None,
)


ACTIVITY_ROW = {
    "sub_account_id": ACCOUNT,
    "region_id": "eu-west-1",
    "namespace": "AWS/Bedrock",
    "resource_id": "eu.anthropic.claude-opus-5-5-v1:0",
    "metric": "Invocations",
    "value": 0.0,
    "days": [BEFORE, END],
}
OPUS = "Claude Opus 5.5 (Amazon Bedrock Edition)"
TOKENS = {"ServiceName": OPUS, "ResourceId": "null", "ConsumedUnit": "1M tokens"}
INPUT = TOKENS | {"SkuMeter": "EU-MP:EU_input_tokens_standard-Units"}
OUTPUT = TOKENS | {"SkuMeter": "EU-MP:EU_output_tokens_standard-Units"}


def token_days(days, *, times=1.0, output=1.0, **changed):
    """Return charges for 10 million input and 1 million output tokens a day."""
    return (
        INPUT | {"days": days, "ConsumedQuantity": 10 * times, "EffectiveCost": 50 * times} | changed,
        OUTPUT
        | {"days": days, "ConsumedQuantity": output * times, "EffectiveCost": 25 * output * times}
        | changed,
    )


def call_days(days, *, calls, times=1.0, output=1.0, **changed):
    """Return the activity of the same tokens in this number of calls."""
    return tuple(
        {"days": days, "metric": metric, "value": value} | changed
        for metric, value in (
            ("Invocations", calls), ("InputTokenCount", 1e7 * times), ("OutputTokenCount", 1e6 * output * times),
        )
    )  # fmt: skip


PURCHASE = {
    "ChargeCategory": "Purchase", "SkuMeter": "EU-HeavyUsage:db.r6g.large", "ResourceId": "arn:ri",
    "charge_date": INCREASE_DAY, "EffectiveCost": 0.0, "BilledCost": 355.33,
}  # fmt: skip


@contextmanager
def bill(
    *charges: dict[str, Any], as_of: date = AS_OF, activity: Sequence[dict[str, Any]] = ()
) -> Iterator[DuckDbEngine]:
    """Yield an engine over only these charges. Columns that a charge omits have the values of CHARGE."""
    connection = connect()
    case = Case(name="what it is made of", kind="fires", charges=list(charges), activity=list(activity))
    create_input_tables(
        connection, case, file=CaseFile.model_construct(charge=CHARGE, activity_row=ACTIVITY_ROW)
    )
    statements = statements_of_explanations(CATALOG)
    create_owner_and_computed_local_tables.create_views(
        connection, CATALOG, values={"as_of": as_of}, statements=statements
    )
    try:
        yield DuckDbEngine(connection)
    finally:
        connection.close()


def explain_charges(
    *charges: dict[str, Any], as_of: date = AS_OF, activity: Sequence[dict[str, Any]] = (), **changed: Any
) -> Explanation:
    increase = replace(INCREASE, **changed)
    with bill(*charges, as_of=as_of, activity=activity) as engine:
        return explain_cost_increases([increase], engine=engine, catalog=CATALOG, as_of=as_of)[
            increase.fingerprint
        ]


def adds_up(explanation: Explanation) -> bool:
    """Return whether the cost drivers add up exactly, as decimals."""
    parts = sum((part.excess for part in explanation.parts), explanation.others)
    return parts == explanation.excess == explanation.by_volume + explanation.by_price


def increased(**changed: Any) -> dict[str, Any]:
    """Return a charge on the days of the increase only."""
    return {"days": [INCREASE_DAY, END], **changed}


def test_cost_driver_has_meter_region_operation_and_resource():
    """The instance whose cost did not change is not a cost driver."""
    new = {"RegionId": "us-west-2", "SkuMeter": "USW2-BoxUsage:p4d.24xlarge", "ResourceId": "arn:i-new"}
    explanation = explain_charges({}, increased(**new, EffectiveCost=500.0, x_Operation="RunInstances:0002"))
    (first,) = explanation.parts
    assert (first.sub_account_id, first.service_name, first.region_id, first.meter) == (
        ACCOUNT,
        SERVICE,
        "us-west-2",
        "BoxUsage:p4d.24xlarge",
    )
    assert (first.operation, first.resource_id, first.resources) == ("RunInstances:0002", "arn:i-new", 1)
    assert first.is_new and first.excess == explanation.excess == Decimal(1000) and explanation.others == 0
    assert (explanation.first_day, explanation.last_day) == (INCREASE_DAY, END - timedelta(days=1))


def test_cost_drivers_add_up_to_the_excess_of_the_finding():
    """The finding expects less than the baseline of 60 USD, so each driver's baseline is reduced proportionally."""
    other = {"SkuMeter": "EU-BoxUsage:c5.large", "ResourceId": "arn:i-2", "EffectiveCost": 6.0}
    explanation = explain_charges({}, other, increased(EffectiveCost=100.0), excess=Decimal("222.123457"))
    assert adds_up(explanation) and explanation.excess == Decimal("222.123457")
    large, small = explanation.parts
    assert float(large.excess) == pytest.approx(248 - 48 * (260 - 222.123457) / 60)
    assert float(small.excess) == pytest.approx(12 - 12 * (260 - 222.123457) / 60)


@pytest.mark.parametrize("excess", [None, Decimal("0.1"), Decimal("333.333333"), Decimal(9999)])
def test_cost_drivers_add_up_for_any_excess_and_number(excess):
    """At most five cost drivers, in order; the remainder is the sum of all others."""
    meters = [
        increased(SkuMeter=f"EU-Meter{n}", ResourceId=f"arn:{n}", EffectiveCost=n * 1.1 / 3)
        for n in range(1, 40)
    ]
    explanation = explain_charges({"EffectiveCost": 1 / 3}, *meters, excess=excess)
    assert adds_up(explanation)
    costs = [part.excess for part in explanation.parts]
    assert costs == sorted(costs, reverse=True) and len(costs) == (5 if excess != 9999 else 0)
    assert explanation.others


def test_large_decrease_is_listed():
    """For example, usage that moved from one region to another."""
    explanation = explain_charges(
        {"days": [BEFORE, INCREASE_DAY], "EffectiveCost": 100.0},
        increased(RegionId="us-east-1", SkuMeter="USE1-BoxUsage:m5.large", EffectiveCost=150.0),
    )
    assert [(part.region_id, part.excess) for part in explanation.parts] == [
        ("us-east-1", Decimal(300)),
        ("eu-west-1", Decimal(-200)),
    ]
    assert explanation.excess == 100 and explanation.others == 0


def test_day_is_compared_with_the_same_weekdays():
    """Mondays and Tuesdays always cost ten times as much as other days; only the cost above that is an increase."""
    baseline = {"weekdays": [0, 1], "EffectiveCost": 240.0, "days": [BEFORE, INCREASE_DAY]}
    steady = {"weekdays": [2, 3, 4, 5, 6], "days": [BEFORE, INCREASE_DAY]}
    explanation = explain_charges(baseline, steady, increased(EffectiveCost=250.0))
    assert explanation.excess == 20


@pytest.mark.parametrize(
    ("cost", "quantity", "by_volume", "by_price"),
    [(48.0, 48.0, 48, 0), (72.0, 24.0, 0, 96), (96.0, 48.0, 48, 96), (12.0, 24.0, 0, -24)],
    ids=["twice as much", "three times as dear", "twice as much, twice as dear", "half the price"],
)
def test_volume_is_separated_from_price(cost, quantity, by_volume, by_price):
    """Volume is the changed quantity at the old price of 1; price is the changed price at the new quantity."""
    explanation = explain_charges(
        {"days": [BEFORE, INCREASE_DAY]}, increased(EffectiveCost=cost, ConsumedQuantity=quantity)
    )
    assert (explanation.by_volume, explanation.by_price) == (by_volume, by_price)
    assert adds_up(explanation)


def test_new_resource_is_compared_with_others_of_its_meter():
    """A new instance at twice the hourly price: its hours at the old price are volume, the rest is price."""
    explanation = explain_charges(
        {}, increased(ResourceId="arn:i-new", EffectiveCost=48.0, ConsumedQuantity=24.0)
    )
    assert (explanation.by_volume, explanation.by_price) == (48, 48)
    (part,) = explanation.parts
    assert not part.is_new and part.resource_id == "arn:i-new"


@pytest.mark.parametrize("before", ["null", 24.0])
def test_increase_without_a_quantity_is_volume(before):
    """Without a quantity, no price can be computed."""
    baseline = {"ConsumedQuantity": before, "days": [BEFORE, INCREASE_DAY]}
    explanation = explain_charges(baseline, increased(EffectiveCost=124.0, ConsumedQuantity="null"))
    assert (explanation.by_volume, explanation.by_price) == (200, 0)


def test_cost_driver_names_a_resource_only_with_half_of_its_increase():
    """Otherwise the driver states the number of resources with an increase."""
    explanation = explain_charges(
        {}, *(increased(ResourceId=f"arn:{n}", EffectiveCost=50.0) for n in range(3))
    )
    (part,) = explanation.parts
    assert (part.resource_id, part.resources) == (None, 3)


def test_charges_outside_of_the_finding_are_ignored():
    """Charges of another account or service, fees, unused commitments, tax, and later days."""
    explanation = explain_charges(
        {},
        increased(EffectiveCost=50.0),
        increased(EffectiveCost=900.0, SubAccountId="999999999999"),
        increased(EffectiveCost=900.0, ServiceName="AWS Lambda"),
        increased(EffectiveCost=900.0, ChargeFrequency="Recurring"),
        increased(EffectiveCost=900.0, CommitmentDiscountStatus="Unused"),
        increased(EffectiveCost=900.0, ChargeCategory="Tax"),
        {"days": [END, END + timedelta(days=2)], "EffectiveCost": 900.0},
    )
    assert explanation.excess == 100 and len(explanation.parts) == 1


@pytest.mark.parametrize(
    ("changed", "excess"),
    [
        ({"service_name": None}, 300),
        ({"service_name": None, "of_one_service": True}, 200),
        ({"sub_account_id": None}, 0),
        ({"region_id": "us-east-1"}, 0),
        ({"resource_id": "arn:i-9"}, 100),
        ({"charges": "gpu"}, 0),
        ({"charges": "transfer", "service_name": None}, 200),
    ],
)
def test_scope_of_the_finding_selects_the_charges(changed, excess):
    """None selects all charges, or, with `of_one_service`, the charges without a service."""
    charges = [
        {"SubAccountId": "null", "days": [BEFORE, END]},
        {"RegionId": "us-east-1", "days": [BEFORE, END]},
        {"SkuMeter": "EU-BoxUsage:p4d.24xlarge", "days": [BEFORE, END]},
        increased(ResourceId="arn:i-9", EffectiveCost=50.0),
        increased(ServiceName="null", SkuMeter="EU-DataTransfer-Out-Bytes", EffectiveCost=100.0),
    ]
    assert explain_charges(*charges, **changed).excess == excess


def tags_of(increases: list[CostIncrease], engine: Any) -> list[Any]:
    """Return the tags of each cost driver of each increase."""
    result = query_cost_drivers(increases, engine=engine, catalog=CATALOG, label="parts")
    return [(name, row["place"], row["tags"]) for name, rows in sorted(result.items()) for row in rows]


def test_explanations_are_the_same_on_trino(local_trino):
    """The same statements over the same charges: cost drivers, volume and price, started and stopped resources."""
    stopped = {
        "days": [BEFORE, INCREASE_DAY],
        "SkuMeter": "EU-Old",
        "ResourceId": "arn:old",
        "x_Operation": "Old",
    }
    charges = [
        {"growth": 0.01},
        stopped,
        increased(SkuMeter="EU-BoxUsage:p4d.24xlarge", ResourceId="arn:new", EffectiveCost=71.3),
        increased(EffectiveCost=50.0, ConsumedQuantity=30.0),
        increased(
            EffectiveCost=9.0, ConsumedQuantity="null", RegionId="null", ResourceId="null", SkuMeter="null"
        ),
        {"SubAccountId": "null", "ServiceName": "null", "EffectiveCost": 7.0},
        increased(SubAccountId="null", ServiceName="null", EffectiveCost=40.0),
        increased(SkuMeter="EU-NovaPro-input-tokens", ServiceName="Amazon Bedrock", EffectiveCost=5.0),
        increased(ResourceId="null", EffectiveCost=3.0, Tags={"team": "shop"}),
        increased(ResourceId="null", EffectiveCost=2.0, Tags={"team": "ads"}),
        PURCHASE,
        *token_days([BEFORE, INCREASE_DAY]),
        *token_days([INCREASE_DAY, END], times=3, output=2),
    ]
    calls = (
        *call_days([BEFORE, INCREASE_DAY], calls=1000.1),
        *call_days([INCREASE_DAY, END], calls=2999.7, times=3, output=2),
    )
    increases = [
        INCREASE,
        replace(INCREASE, fingerprint="8" * 20, service_name=OPUS, charges="tokens"),
        replace(INCREASE, fingerprint="a" * 20, excess=Decimal("123.456789")),
        replace(INCREASE, fingerprint="b" * 20, sub_account_id=None, service_name=None, of_one_service=True),
        replace(INCREASE, fingerprint="c" * 20, service_name=None, charges="gpu"),
        replace(INCREASE, fingerprint="d" * 20, service_name=None, charges="tokens", excess=Decimal(10)),
        replace(INCREASE, fingerprint="e" * 20, service_name=None, region_id="eu-west-1", weeks=1),
        replace(INCREASE, fingerprint="9" * 20, charges="first"),
    ]
    tables = {"daily_charges": DAILY_CHARGES, "activity": ACTIVITY, "events": EVENTS}
    with bill(*charges, activity=calls) as engine:
        expected = explain_cost_increases(increases, engine=engine, catalog=CATALOG, as_of=AS_OF)
        tags = tags_of(increases, engine)
        rows = {
            name: engine.query(f"SELECT {', '.join(columns)} FROM {name}", label=name)
            for name, columns in tables.items()
        }
    trino, places = local_trino.engine(), {name: f"memory.default.explained_{name}" for name in tables}
    try:
        for name, columns in tables.items():
            trino.execute(create_statement(places[name], columns), label="given")
            values = [tuple(row.values()) for row in rows[name]]
            for statement in insert_statements(places[name], columns, values):
                trino.execute(statement, label="given")
        copied_tables = {name: f"SELECT * FROM {place}" for name, place in places.items()}
        derived = {
            name: CATALOG.tables[name].render({"as_of": AS_OF}) for name in ("ai_charges", "token_charges")
        }
        trino_engine = local_trino.engine(tables=copied_tables | derived)
        assert (
            explain_cost_increases(increases, engine=trino_engine, catalog=CATALOG, as_of=AS_OF) == expected
        )
        assert tags_of(increases, trino_engine) == tags
    finally:
        for place in places.values():
            trino.execute(f"DROP TABLE IF EXISTS {place}", label="given")
    assert len(expected) == 8 and all(map(adds_up, expected.values()))
    assert expected["8" * 20].token_drivers is not None
    assert expected[INCREASE.fingerprint].ended and expected["b" * 20].excess == 80


def test_started_and_stopped_resources_are_listed():
    """They were first or last charged on that day. Those of the finding's service are listed first."""
    old = {
        "days": [BEFORE, INCREASE_DAY],
        "SkuMeter": "EU-Old",
        "ResourceId": "arn:old",
        "x_Operation": "Old",
    }
    elsewhere = increased(
        ServiceName="AWS Glue",
        SkuMeter="EU-Job",
        ResourceId="arn:job",
        x_Operation="Jobrun",
        EffectiveCost=900.0,
    )
    explanation = explain_charges(
        {}, old, increased(SkuMeter="EU-New", ResourceId="arn:new", EffectiveCost=50.0), elsewhere
    )
    began = [(turn.kind, turn.name) for turn in explanation.began]
    assert began[:2] == [("meter", "New"), ("resource", "arn:new")]
    assert began[2:4] == [("service", "AWS Glue"), ("resource", "arn:job")]
    assert [(turn.kind, turn.name) for turn in explanation.ended] == [
        ("meter", "Old"),
        ("resource", "arn:old"),
    ]
    assert explanation.ended[0].daily_cost == 24


@pytest.mark.parametrize(
    "charge",
    [
        {"weekdays": [6], "days": [BEFORE, INCREASE_DAY]},
        {"days": [BEFORE, INCREASE_DAY - timedelta(days=1)]},
        {"days": [BEFORE, INCREASE_DAY + timedelta(days=2)]},
        {"days": [INCREASE_DAY - timedelta(days=1), INCREASE_DAY]},
    ],
    ids=["comes on Sundays", "ended a day earlier", "ended a day later", "came once"],
)
def test_resource_that_stopped_on_another_day_is_not_listed(charge):
    """The increase is on a Monday: a Sunday job has its last charge on the day before, as in every week."""
    assert not explain_charges(
        {}, increased(EffectiveCost=99.0), {"SkuMeter": "EU-X", "ResourceId": "arn:x", **charge}
    ).ended


def test_meter_of_daily_jobs_stops_although_each_job_runs_once():
    """Each job has its own resource ID. The meter of weekly jobs pauses every week, so it has not stopped."""
    days = [INCREASE_DAY - timedelta(days=back) for back in range(1, 29)]

    def job(day: date) -> dict[str, Any]:
        return {
            "charge_date": day,
            "SkuMeter": "EU-Train",
            "ResourceId": f"arn:job-{day}",
            "x_Operation": "Job",
        }

    explanation = explain_charges({}, *map(job, days), increased(EffectiveCost=99.0)).ended
    assert [(turn.kind, turn.name) for turn in explanation] == [("meter", "Train")]
    weekly = [job(day) | {"ResourceId": f"arn:{day}-{n}"} for day in days[::7] for n in range(10)]
    assert not explain_charges({}, *weekly, increased(EffectiveCost=99.0)).ended


def test_incomplete_day_stops_no_resource():
    """Charges missing on the newest days may still be delivered."""
    stopped = {"days": [BEFORE, INCREASE_DAY], "SkuMeter": "EU-Old", "ResourceId": "arn:old"}
    assert explain_charges({}, stopped, increased(EffectiveCost=99.0)).ended
    assert not explain_charges(
        {}, stopped, increased(EffectiveCost=99.0), as_of=INCREASE_DAY + timedelta(days=2)
    ).ended


def test_token_increase_is_split_by_calls():
    """Three times the calls and twice the output per call. The calls of another model do not count."""
    before, increased_days = [BEFORE, INCREASE_DAY], [INCREASE_DAY, END]
    drivers = explain_charges(
        *token_days(before),
        *token_days(increased_days, times=3, output=2),
        *token_days([BEFORE, END], ServiceName="Claude Haiku 4.5 (Amazon Bedrock Edition)"),
        activity=[
            *call_days(before, calls=1000.0),
            *call_days(increased_days, calls=3000.0, times=3, output=2),
            {"days": increased_days, "metric": "InvocationThrottles", "value": 600.0},
            *call_days([BEFORE, END], calls=7e5, resource_id="eu.anthropic.claude-haiku-4-5-v1:0"),
        ],
        service_name=OPUS,
    ).token_drivers
    assert drivers is not None
    assert (drivers.calls_before, drivers.calls) == (1000, 3000)
    assert drivers.daily_excess == Decimal(225)  # from 75 to 300
    assert drivers.by_calls > drivers.by_output_share > drivers.by_tokens_per_call > 0 > drivers.by_retries
    assert abs(drivers.by_price) < Decimal("0.00001")
    assert round(drivers.refused_percent) == 17


def test_calls_are_compared_with_the_same_weekdays():
    weekdays = [0, 1]  # Monday and Tuesday, like the days of the increase
    drivers = explain_charges(
        *token_days([BEFORE, INCREASE_DAY], weekdays=weekdays),
        *token_days([BEFORE, INCREASE_DAY], times=8, weekdays=[2, 3, 4, 5, 6]),
        *token_days([INCREASE_DAY, END], times=2),
        activity=[
            *call_days([BEFORE, INCREASE_DAY], calls=1000.0, weekdays=weekdays),
            *call_days([BEFORE, INCREASE_DAY], calls=8000.0, times=8, weekdays=[2, 3, 4, 5, 6]),
            *call_days([INCREASE_DAY, END], calls=2000.0, times=2),
        ],
        service_name=OPUS,
    ).token_drivers
    assert drivers is not None
    assert (drivers.calls_before, drivers.by_calls) == (1000, 75)


@pytest.mark.parametrize(
    "activity",
    [
        (),
        call_days([INCREASE_DAY, END], calls=3000.0, times=3),
        (*call_days([BEFORE, INCREASE_DAY], calls=1000.0), *call_days([INCREASE_DAY, END], calls=1000.0)),
        tuple(one | {"sub_account_id": "444455556666"} for one in call_days([BEFORE, END], calls=9.0)),
    ],
    ids=["not collected", "collected since", "of other tokens than the bill's", "another account's"],
)  # fmt: skip
def test_tokens_without_their_calls_have_no_token_drivers(activity):
    increase = explain_charges(
        *token_days([BEFORE, INCREASE_DAY]),
        *token_days([INCREASE_DAY, END], times=3),
        activity=activity,
        service_name=OPUS,
    )
    assert increase.token_drivers is None
    assert increase.excess == 300


def test_batch_tokens_make_no_calls():
    batch = {"SkuMeter": "EU-MP:EU_MillionBatchInputTokens-Units"}
    drivers = explain_charges(
        *token_days([BEFORE, INCREASE_DAY]),
        *token_days([INCREASE_DAY, END], times=3),
        *(one | batch for one in token_days([BEFORE, END], times=90)),
        activity=[
            *call_days([BEFORE, INCREASE_DAY], calls=10.0),
            *call_days([INCREASE_DAY, END], calls=30.0, times=3),
        ],
        service_name=OPUS,
    ).token_drivers
    assert drivers is not None
    assert drivers.by_calls == drivers.daily_excess == 150


def test_calls_of_an_inference_profile_are_those_of_its_id():
    profile = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc123"
    drivers = explain_charges(
        *token_days([BEFORE, INCREASE_DAY], ResourceId=profile),
        *token_days([INCREASE_DAY, END], times=3, ResourceId=profile),
        activity=[
            *call_days([BEFORE, INCREASE_DAY], calls=10.0, resource_id="abc123"),
            *call_days([INCREASE_DAY, END], calls=30.0, times=3, resource_id="abc123"),
            *call_days([BEFORE, END], calls=5e6),
        ],
        service_name=OPUS,
        resource_id=profile,
    ).token_drivers
    assert drivers is not None
    assert (drivers.calls_before, drivers.calls) == (10, 30)


def test_finding_without_charges_has_no_explanation():
    """An explanation without cost drivers would say nothing."""
    with bill({}) as engine:
        elsewhere = replace(INCREASE, sub_account_id="999999999999")
        assert explain_cost_increases([elsewhere], engine=engine, catalog=CATALOG, as_of=AS_OF) == {}
        assert explain_cost_increases([], engine=engine, catalog=CATALOG, as_of=AS_OF) == {}


EXPLAINED = [id for id, detection in CATALOG.detections.items() if detection.header.explain]
EVIDENCE = {
    "anomalous_from": "2026-05-25", "anomalous_until": "2026-05-26", "anomalous_days": 2, "daily_excess": 50.25,
    "first_day": "2026-05-25", "last_day": "2026-05-26",
}  # fmt: skip


def increase_finding(detection: str = "token_burst", *, cost: str = "300", **evidence: Any) -> Finding:
    one = finding(None, cost=cost, detection=detection, account=ACCOUNT, category="anomaly")
    named = {"region_id": None, "service_name": SERVICE, "evidence": {**EVIDENCE, **evidence}}
    return one.model_copy(update=named)


@pytest.mark.parametrize("detection", EXPLAINED)
def test_each_detection_of_a_cost_increase_has_days_and_excess(detection):
    """The finding's cost is the excess if the detection defines it so; None: it is computed from the weeks before."""
    increase = cost_increase_of(increase_finding(detection), catalog=CATALOG)
    assert increase and (increase.first_day, increase.end_day) == (INCREASE_DAY, END)
    expected = {
        "gpu_burst": None,
        "data_transfer_spike": None,
    }
    assert increase.excess == expected.get(detection, Decimal(300))
    assert increase.before_from == INCREASE_DAY - timedelta(
        days=7 if detection == "unit_cost_regression" else 28
    )


@pytest.mark.parametrize("detection", EXPLAINED)
def test_detections_still_have_the_columns_that_explanations_read(detection):
    """Findings of a detection that renames such a column would silently lose their explanation."""
    entry = CATALOG.detection(detection)
    names = entry.header.explain.days
    assert entry.header.kind == "series" or all(
        f"AS {name}" in entry.sql or name in entry.sql for name in names
    )


def test_finding_without_increase_or_days_has_no_explanation():
    """Waste has a constant cost, so there is no increase to explain."""
    assert cost_increase_of(finding(), catalog=CATALOG) is None
    assert cost_increase_of(increase_finding(first_day=None), catalog=CATALOG) is None
    assert cost_increase_of(increase_finding(last_day="soon"), catalog=CATALOG) is None


class Counting:
    """An engine that counts its queries, and fails if `fails` is set."""

    def __init__(self, engine: DuckDbEngine, *, fails: bool = False) -> None:
        self.engine, self.fails, self.queries = engine, fails, 0

    def query(self, statement: str, *, label: str) -> list[dict[str, Any]]:
        self.queries += 1
        if self.fails:
            raise QueryError("the bill cannot be read")
        return self.engine.query(statement, label=label)


class Trail:
    """A change history that records the fingerprints for which it was queried."""

    def __init__(self) -> None:
        self.fingerprints: list[str] = []

    def with_changes(self, increase: CostIncrease, explanation: Explanation) -> Explanation:
        self.fingerprints.append(increase.fingerprint)
        return explanation.model_copy(update={"unseen": "x"})


def run_and_notify(
    engine: Counting, ledger: SqliteLedger, *findings: Finding, trail: Trail | None = None, **on: Any
) -> Any:
    """Write a run to the ledger as a scan does; return its explained notifications and the progress messages."""
    progress: list[str] = []
    result = run(*findings, ran=("token_burst",), **on)

    def decide_and_explain(entries: Any, suppressions: Any) -> Decision:
        return attach_explanations(
            decide(entries, suppressions, result),
            previous=entries,
            engine=engine,
            catalog=CATALOG,
            as_of=result.as_of,
            progress=progress.append,
            change_history=trail,
        )  # type: ignore[arg-type]

    return ledger.update(decide_and_explain, evaluated=()).notifications, progress


def test_notification_has_an_explanation_until_the_finding_changes(tmp_path):
    """Only notified findings are explained; open findings keep their explanation."""
    ledger, trail = SqliteLedger(tmp_path / "ledger.db"), Trail()
    with bill({}, increased(EffectiveCost=500.0, SkuMeter="EU-tokens")) as duckdb:
        engine, one = Counting(duckdb), increase_finding()
        (first,), progress = run_and_notify(engine, ledger, one, trail=trail)
        assert first.finding.explanation.parts and first.finding.explanation.unseen == "x"
        assert (engine.queries, progress) == (3, ["Analyzing 1 cost increase"])
        again, progress = run_and_notify(engine, ledger, one, trail=trail)
        assert (again, progress, engine.queries, len(trail.fingerprints)) == ((), [], 3, 1)
        (kept,) = ledger.entries().values()
        assert kept.finding.explanation == first.finding.explanation
        (grown,), _ = run_and_notify(engine, ledger, increase_finding(cost="900"), trail=trail)
        assert grown.kind == "changed" and grown.finding.explanation.excess == 900
        assert len(trail.fingerprints) == 2
    ledger.close()


def test_failed_query_omits_only_the_explanation(tmp_path):
    """The finding is notified, and the log has the reason for the missing explanation."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    with bill({}) as duckdb:
        (notification,), progress = run_and_notify(Counting(duckdb, fails=True), ledger, increase_finding())
    assert notification.finding.explanation is None
    assert progress == [
        "Analyzing 1 cost increase",
        "Root causes are not available: the bill cannot be read",
    ]
    ledger.close()


def test_findings_without_a_cost_increase_run_no_query(tmp_path):
    """Most scans notify no cost increase and should not pay for the queries."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    with bill({}) as duckdb:
        engine = Counting(duckdb)
        run_and_notify(engine, ledger, finding())
        assert engine.queries == 0
    ledger.close()


def test_explanation_is_unchanged_after_json():
    """JSON has no decimal type; amounts with six decimals survive the conversion to a double."""
    explained = explanation(excess=Decimal("12345678.123457"), others=Decimal("-0.000001"))
    assert Explanation.model_validate_json(explained.model_dump_json()) == explained


def test_names_are_shortened_to_fit_an_sns_message():
    """Names in a bill can have any length; SNS accepts 256 KiB."""
    parts = tuple(part(resource_id="x" * 100_000, meter="y" * 100_000) for _ in range(7))
    explained = explanation(parts=parts)
    assert len(explained.parts[0].meter or "") == NAME_CHARACTERS and explained.parts[0].meter[-1] == "…"
    assert len(explained.model_dump_json()) < 60_000


def test_explanation_is_rendered_as_sentences():
    """Slack, Jira, the page and the terminal show these sentences."""
    assert explanation_sentences(explanation(unseen="there were more"), currency="USD") == [
        "1,000 USD above the expected cost from 2026-03-29 to 2026-03-30: 915 USD from usage changes, 85.00 USD "
        "from price changes.",
        "BoxUsage:p4d.24xlarge in us-west-2 (Amazon Elastic Compute Cloud, RunInstances, "
        "arn:aws:ec2:us-west-2:111122223333:instance/i-0abc): +900 USD, 90% of the increase (new charge)",
        "BoxUsage:m5.large in us-west-2 (Amazon Elastic Compute Cloud, RunInstances, 3 resources): "
        "+90.00 USD, 9% of the increase",
        "other cost drivers: +10.00 USD",
        "Started on 2026-03-29: resource arn:aws:ec2:us-west-2:111122223333:instance/i-0abc (450 USD/day)",
        "Stopped on 2026-03-29: operation Jobrun (3.50 USD/day)",
        "2026-03-29 03:07 RunInstances in us-west-2 by arn:aws:sts::111122223333:assumed-role/ci/deploy (i-0abc)",
        "CloudTrail: there were more",
    ]


def test_token_drivers_are_one_sentence_before_started_resources():
    """The largest part is first. The price did not change and is not listed."""
    before = TokenUse(1000.0, 0.0, {"input": 1.9, "output": 0.1}, {"input": 9.5, "output": 2.5})
    now = TokenUse(4900.0, 100.0, {"input": 9.6, "output": 0.8}, {"input": 48.0, "output": 20.0})
    lines = explanation_sentences(explanation(token_drivers=split_token_cost(before, now)), currency="USD")
    assert lines[4] == (
        "Change in token cost per day: +56.00 USD, of which +51.96 from attempted calls (successful calls: 1,000 to "
        "4,900), +2.77 from the share of output tokens (5% to 8%), +1.92 from tokens per call (2,000 to 2,122), "
        "-0.65 from throttled or rejected calls (0% to 2%)"
    )
    assert lines[5].startswith("Started on 2026-03-29")


@pytest.mark.parametrize(
    ("volume", "price", "expected_text"),
    [
        (1000, 0, "all of the increase comes from higher usage"),
        (-3, 1003, "all of the increase comes from price changes"),
        (1500, -500, "1,500 EUR from usage changes, -500 EUR from price changes"),
    ],
)
def test_headline_states_volume_or_price(volume, price, expected_text):
    """A driver below a twentieth of the increase is not mentioned."""
    explained = explanation(by_volume=volume, by_price=price, last_day=EXPLANATION.first_day)
    assert (
        explanation_headline(explained, currency="EUR")
        == f"1,000 EUR above the expected cost on 2026-03-29: {expected_text}."
    )


def test_daily_cost_is_the_average_of_the_settled_days_with_charges():
    """The daily cost of a machine that ran for one day is that day's cost, also many days later."""
    once = {
        "charge_date": INCREASE_DAY,
        "SkuMeter": "EU-New",
        "ResourceId": "arn:new",
        "EffectiveCost": 1000.0,
    }
    for as_of in (INCREASE_DAY + timedelta(days=4), AS_OF):
        began = explain_charges({}, once, as_of=as_of).began
        assert {turn.daily_cost for turn in began} == {Decimal(1000)}, as_of


def test_unsettled_day_does_not_lower_the_daily_cost():
    """The newest day has only a tenth of its charges. It counts only if there is no settled day."""
    machine = {"SkuMeter": "EU-New", "ResourceId": "arn:new", "EffectiveCost": 100.0}
    whole, unsettled = (
        {"days": [INCREASE_DAY, END], **machine},
        {"charge_date": END, **machine, "EffectiveCost": 10.0},
    )
    assert explain_charges({}, whole, unsettled, as_of=END + timedelta(days=1)).began[0].daily_cost == 100
    assert (
        explain_charges(
            {}, {**unsettled, "charge_date": INCREASE_DAY}, as_of=INCREASE_DAY + timedelta(days=1)
        )
        .began[0]
        .daily_cost
        == 10
    )


def test_stopped_resource_has_its_cost_per_active_day():
    """A job that costs 50 on five days a week costs 50 per day, not 35."""
    job = {
        "weekdays": [0, 1, 2, 3, 4],
        "days": [BEFORE, INCREASE_DAY + timedelta(days=1)],
        "EffectiveCost": 50.0,
    }
    explanation = explain_charges(
        {}, {**job, "SkuMeter": "EU-Old", "ResourceId": "arn:old"}, increased(EffectiveCost=99.0)
    )
    assert explanation.ended[0].daily_cost == 50


def test_first_charge_of_a_purchase_is_its_billed_cost():
    """Its EffectiveCost is 0. A purchase is not a cost driver of an increase in usage."""
    explanation = explain_charges({}, PURCHASE, charges="first", region_id="eu-west-1", service_name=None)
    (bought,) = [one for one in explanation.parts if one.is_billed]
    assert (bought.excess, bought.is_new, bought.resource_id) == (Decimal("355.33"), True, "arn:ri")
    assert any(
        "355 USD, 100% of the increase (new charge) (purchase, billed cost)" in line
        for line in explanation_sentences(explanation, currency="USD")
    )
    assert not any(
        one.is_billed for one in explain_charges({}, PURCHASE, increased(EffectiveCost=50.0)).parts
    )


def test_finding_with_only_other_charges_lists_them():
    """A fee and a tax are on the bill, but they are not cost drivers."""
    fee = {"ChargeFrequency": "Recurring", "charge_date": INCREASE_DAY, "SubAccountId": "999999999999"}
    tax = {
        "ChargeCategory": "Tax",
        "charge_date": INCREASE_DAY,
        "SubAccountId": "999999999999",
        "EffectiveCost": 9.0,
    }
    increase = replace(INCREASE, sub_account_id="999999999999")
    with bill(fee, tax) as engine:
        assert not explain_cost_increases([increase], engine=engine, catalog=CATALOG, as_of=AS_OF)
        rows = charges_by_category(increase, engine=engine, catalog=CATALOG)
        no_charges = charges_by_category(
            replace(increase, sub_account_id="1"), engine=engine, catalog=CATALOG
        )
    assert {(row["charge_category"], row["effective_cost"]) for row in rows} == {
        ("Usage", 24.0),
        ("Tax", 9.0),
    }
    assert no_charges == []


TEAMS = ({"team": "shop", "Name": "a"}, {"team": "shop", "Name": "b"}, {"team": "ads"})


@pytest.mark.parametrize(
    ("rows", "team"),
    [
        ([increased(ResourceId="arn:1", EffectiveCost=500.0, Tags=TEAMS[0])], "shop"),
        ([increased(ResourceId="arn:1", EffectiveCost=500.0)], None),
        (
            [increased(EffectiveCost=500.0), increased(ResourceId="arn:2", EffectiveCost=100.0, Tags=TEAMS[2])],
            None,
        ),
        ([increased(ResourceId=f"arn:{n}", EffectiveCost=200.0, Tags=TEAMS[n]) for n in (0, 1)], "shop"),
        (
            [  # calls without a resource: the increased charges count, not those with the highest cost
                {"ResourceId": "null", "EffectiveCost": 900.0, "Tags": TEAMS[2]},
                increased(ResourceId="null", EffectiveCost=300.0, Tags=TEAMS[0]),
            ],
            "shop",
        ),
    ],
    ids=["the machine's", "untagged", "mostly untagged", "two of one team", "calls without a resource"],
)  # fmt: skip
def test_main_cost_driver_has_the_tags_of_the_increased_charges(rows, team):
    """The team of these tags owns the anomaly."""
    with bill({}, *rows) as engine:
        (first, *_) = query_cost_drivers([INCREASE], engine=engine, catalog=CATALOG, label="parts")[
            INCREASE.fingerprint
        ]
    assert (first["tags"] or {}).get("team") == team
