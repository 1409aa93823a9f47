"""Create the data of a page; a test passes only what matters to it."""

import base64
import gzip
import hashlib
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding
from focuswatch.ledger import LedgerEntry
from focuswatch.reports.page import PageData
from tests.given.one_line_findings import DAY, finding

CATALOG = Catalog.load()
HOSTILE = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>\u202e$(rm -rf ~)&amp;<!--"


def gathered(*findings: Finding | LedgerEntry, **changed: Any) -> PageData:
    """Return the data of a page as of DAY with only these findings."""
    entries = tuple(one if isinstance(one, LedgerEntry) else LedgerEntry(finding=one) for one in findings)
    inputs: dict[str, Any] = {
        "as_of": DAY,
        "currency": "USD",
        "catalog": CATALOG,
        "entries": entries,
        "suppressions": (),
        "detections": (),
        "evaluated_until": {},
        "coverage": Coverage(),
        "billed_days": {
            "first_day": DAY - timedelta(days=60),
            "last_day": DAY - timedelta(days=1),
            "last_settled_day": DAY - timedelta(days=3),
            "first_day_before": DAY - timedelta(days=62),
            "first_period_day": DAY - timedelta(days=32),
            "period_end_day": DAY - timedelta(days=2),
            "sub_accounts": 1,
        },
        "account_names": {},
    }
    return PageData(**{**inputs, **changed})


HOSTILE_ACTION = action_of(
    "1. Stop {resource_id}: aws ec2 stop-instances --instance-ids {resource_id}",
    {"resource_id": HOSTILE},
    words={"resource_id": HOSTILE},
)


def hostile() -> PageData:
    """Return the data of a page in which every name of the bill tries to inject HTML, a script or a shell command."""
    hostile_finding = finding(HOSTILE, account=HOSTILE, team=HOSTILE, tags={HOSTILE: HOSTILE}).model_copy(
        update={
            "sub_account_name": HOSTILE,
            "region_id": HOSTILE,
            "service_name": HOSTILE,
            "reason": HOSTILE,
            "title": HOSTILE,
            "action": HOSTILE_ACTION,
        }
    )
    unusual = hostile_finding.model_copy(update={"category": "anomaly", "fingerprint": "a" * 20})
    day = {"charge_date": DAY - timedelta(days=1), "effective_cost": 10.0}
    moved = {
        "sub_account_id": HOSTILE,
        "sub_account_name": HOSTILE,
        "region_id": HOSTILE,
        "service_name": HOSTILE,
        "effective_cost": 2.0,
        "effective_cost_before": 1.0,
        "movement": 1.0,
        "unowned_because": HOSTILE,
    }
    gpu = {
        "place": 1,
        "sub_account_id": HOSTILE,
        "region_id": HOSTILE,
        "resource_id": HOSTILE,
        "instance_types": HOSTILE,
        "gpu_hours": 24.0,
        "utilization": 3.0,
        **day,
    }
    planned = {
        "of": "team",
        "name": HOSTILE,
        "spent": 1.0,
        "forecast": 3.0,
        "low": float("nan"),
        "high": 4.0,
        "budget": 2.0,
        "over_by": 1.0,
        "over_on": DAY,
        "budget_status": HOSTILE,
    }
    spend = {"team": HOSTILE, "billed_cost": 2.0, "credits": -1.0, "tax": 0.5, "share": 1.0, **moved}
    tokens = {
        "model": HOSTILE,
        "tier": HOSTILE,
        "million_tokens": 2.0,
        "million_tokens_before": 1.0,
        "batch_share": None,
        "effective_cost": 2.0,
        "effective_cost_before": 1.0,
    }
    hourly = {
        "sub_account_id": HOSTILE,
        "sub_account_name": HOSTILE,
        "workload": HOSTILE,
        "model": HOSTILE,
        "last_hour": HOSTILE,
        "hourly_cost": 2.0,
        "usual_hourly_cost": 1.0,
        "day_cost": 9.0,
        "unpriced_million_tokens": 1.0,
    }
    return gathered(
        hostile_finding,
        unusual,
        LedgerEntry(
            finding=hostile_finding.model_copy(update={"fingerprint": "b" * 20}),
            state="resolved",
            resolved_on=DAY,
        ),
        finding_days=[{"fingerprint": unusual.fingerprint, **day}],
        gpu_days=[gpu],
        spend_days=[day],
        layer_days=[{"layer": "retrieval", "seen_by_bedrock_filter": 1.0, **day}],
        reports={
            "spend_by_team": [spend],
            "spend_by_service": [spend],
            "spend_by_account": [spend],
            "model_mix": [tokens],
            "weekly_deltas": [moved],
            "unowned_spend": [moved],
            "portfolio": [{**moved, "intent": HOSTILE}],
            "month_forecast": [planned, {**planned, "of": "service"}],
            "spend_rate": [hourly],
        },
        coverage=Coverage(doubts=(HOSTILE,), missing_accounts=frozenset([HOSTILE, None])),  # type: ignore[list-item]
        failures=(HOSTILE,),
        warnings=(HOSTILE,),
    )


def many(number: int) -> PageData:
    """Return the data of a page with many findings whose texts are as long as real ones, each with its own ids."""
    detections = [
        CATALOG.detections[id] for id in ("idle_sagemaker_endpoint", "abandoned_volume", "gpu_burst")
    ]
    result = []
    for place in range(number):
        digest = hashlib.sha256(str(place).encode()).hexdigest()
        header = detections[place % len(detections)].header
        account, name = (
            str(int(digest[:10], 16))[:12],
            f"arn:aws:sagemaker:eu-west-1:{digest[:12]}:endpoint/{digest[12:28]}",
        )
        words = {
            "endpoint_name": digest[12:28],
            "instance_types": [f"ml.g5.{place % 48}xlarge"],
            "hours": place / 7,
        }
        one = finding(
            name, account=account, cost=str(place / 3), detection=detections[place % len(detections)].id
        )
        result.append(
            one.model_copy(
                update={
                    "title": header.title,
                    "reason": f"{header.reason} {digest[28:40]} {place}",
                    "action": f"{header.action} --id {name}",
                    "team": f"team-{place % 40}",
                    "sub_account_name": f"account-{place % 200}",
                    "evidence": {**words, "tags": {"team": f"team-{place % 40}", "build": digest[40:52]}},
                }
            )
        )
    return gathered(*result)


def data_of(page: str) -> dict[str, Any]:
    """Return the document that is compressed in a page."""
    packed = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', page)
    assert packed is not None
    document: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1], validate=True)))
    return document


def resolved(cost: str, *, saved_daily: str | None, resource: str = "r") -> LedgerEntry:
    """Return a resolved waste finding with its verified saving."""
    saved = None if saved_daily is None else Decimal(saved_daily)
    return LedgerEntry(
        finding=finding(resource, cost=cost), state="resolved", resolved_on=DAY, saved_daily=saved
    )


def days_before(count: int) -> date:
    """Return the date `count` days before DAY."""
    return DAY - timedelta(days=count)
