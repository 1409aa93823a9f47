"""OpenAI's charges over HTTP, from a local server that follows OpenAI's API description."""

from datetime import date
from decimal import Decimal

import pytest

from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from focuswatch.errors import ConfigError, FetchError
from tests.connectors.local_fetch import Vendor
from tests.fakes.openai_usage import COSTS, KEY, Completions, Cost, OpenAIUsage
from tests.fakes.vendor_server import local_vendor

OPENAI = CONNECTORS["openai"]


def fetch(server, folder, *, key=KEY, account="org-example", **days):
    return Vendor("openai", key, account).fetch(server, folder, **days)


def rows(folder, columns):
    return Vendor.rows(folder, columns)


def test_pages_are_followed_to_the_end_and_days_are_utc(tmp_path):
    """A page has three days; charges of the day after the last one are left for the next run."""
    days = [f"2026-11-{day:02}" for day in range(1, 21)]
    organization = OpenAIUsage([Cost(day, 0.1) for day in days])
    with local_vendor(organization) as server:
        summary = fetch(server, tmp_path)
    assert sum(path == COSTS for _, path, _ in server.requests) == 7
    assert rows(tmp_path, "CAST(ChargePeriodStart AS VARCHAR)") == [(f"{day} 00:00:00",) for day in days[:-1]]
    assert summary.totals == {"USD": Decimal("1.9")}  # nineteen times 0.1, exactly


def test_charge_has_the_quantity_of_its_cost_and_the_names_of_its_project_and_user(tmp_path):
    organization = OpenAIUsage(
        [
            Cost("2026-11-01", 2.5, quantity=1500.0, unit="1000_tokens"),
            Cost("2026-11-01", 1.25, "web search", None, None),
        ],
        [Completions("2026-11-01", "user_ana")],
    )
    with local_vendor(organization) as server:
        fetch(server, tmp_path)
    columns = (
        "SkuMeter, x_Model, SubAccountId, SubAccountName, ResourceId, x_User, ConsumedQuantity, ConsumedUnit"
    )
    assert rows(tmp_path, columns) == [
        (
            "gpt-4o-2024-08-06, input",
            "gpt-4o-2024-08-06",
            "proj_search",
            "search",
            "key_ana",
            "ana@example.com",
            Decimal(1_500_000),
            "Tokens",
        ),
        ("web search", None, None, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("completions", "user"),
    [
        ([Completions("2026-11-01", "user_ben")], "user_ben"),  # a user that is not listed is named by ID
        ([Completions("2026-11-01", "user_ana"), Completions("2026-11-01", "user_ben")], None),
        ([Completions("2026-11-01", "user_ana"), Completions("2026-11-01", None)], None),
        ([Completions("2026-11-02", "user_ana")], None),
        ([Completions("2026-11-01", "user_ana", project="proj_other")], None),
    ],
)
def test_charge_has_a_user_only_if_its_key_had_one_user_that_day(tmp_path, completions, user):
    with local_vendor(OpenAIUsage([Cost("2026-11-01", 1)], completions)) as server:
        fetch(server, tmp_path)
    assert rows(tmp_path, "x_User") == [(user,)]


def test_usage_adds_no_charge(tmp_path):
    """Charges come from costs only; usage without a cost is not written."""
    organization = OpenAIUsage([Cost("2026-11-01", 1)], [Completions("2026-11-02", "user_ana")])
    with local_vendor(organization) as server:
        summary = fetch(server, tmp_path)
    assert (summary.rows, summary.totals) == (1, {"USD": Decimal(1)})


def test_restated_days_are_replaced_and_older_days_are_kept(tmp_path):
    organization = OpenAIUsage([Cost("2026-11-01", 1), Cost("2026-11-08", 2), Cost("2026-11-09", 3)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path, until="2026-11-10")
        organization.costs = [Cost("2026-11-01", 9), Cost("2026-11-08", 2.5), Cost("2026-11-10", 4)]
        summary = fetch(server, tmp_path, since=None, until="2026-11-11", restated_days=3)
    assert (summary.first, summary.until) == (date(2026, 11, 7), date(2026, 11, 11))
    assert rows(tmp_path, "day(ChargePeriodStart), BilledCost") == [(1, 1), (8, Decimal("2.5")), (10, 4)]


def test_a_run_over_earlier_days_keeps_the_day_after_them(tmp_path):
    organization = OpenAIUsage([Cost("2026-11-04", 1), Cost("2026-11-05", 2)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path)
        organization.costs = [Cost("2026-11-04", 3)]
        fetch(server, tmp_path, until="2026-11-05")
    assert rows(tmp_path, "BilledCost") == [(Decimal(2),), (Decimal(3),)]


def test_a_later_since_leaves_no_gap(tmp_path):
    """Days between the newest day in the folder and --since are fetched too."""
    organization = OpenAIUsage([Cost("2026-11-02", 1), Cost("2026-11-05", 2)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path, until="2026-11-03")
        fetch(server, tmp_path, since="2026-11-09", until="2026-11-10", restated_days=1)
    assert rows(tmp_path, "day(ChargePeriodStart)") == [(2,), (5,)]


def test_each_billing_period_has_one_file_and_an_empty_one_has_none(tmp_path):
    organization = OpenAIUsage([Cost("2026-10-31", 1), Cost("2026-11-01", 2)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path, since="2026-09-15", until="2026-12-02")
        assert periods(tmp_path) == ["billing_period=2026-10", "billing_period=2026-11"]
        organization.costs = [Cost("2026-11-01", 2)]
        fetch(server, tmp_path, since="2026-09-15", until="2026-12-02")
    assert periods(tmp_path) == ["billing_period=2026-11"]
    assert [str(time) for time in rows(tmp_path, "BillingPeriodStart, BillingPeriodEnd")[0]] == [
        "2026-11-01 00:00:00",
        "2026-12-01 00:00:00",
    ]


def periods(folder):
    return sorted(path.parent.name for path in folder.glob("data/*/*.parquet"))


def test_rate_limit_and_outage_are_retried(tmp_path):
    with local_vendor(OpenAIUsage([Cost("2026-11-01", 1)])) as server:
        server.failures = [(429, {"Retry-After": "1"}, {}), (503, {}, {}), (500, {"Retry-After": "1"}, {})]
        assert fetch(server, tmp_path).rows == 1
    # The first request is sent four times.
    assert len({(path, str(query)) for _, path, query in server.requests[:4]}) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_an_exhausted_quota_is_not_waited_for(tmp_path, status):
    """Its Retry-After is longer than the time limit of the Lambda `fetch`."""
    with local_vendor(OpenAIUsage([Cost("2026-11-01", 1)])) as server:
        server.failures = [
            (429, {"Retry-After": "1"}, {}),
            (status, {"Retry-After": "3600"}, "daily limit of 5."),
        ]
        with pytest.raises(FetchError) as raised:
            fetch(server, tmp_path)
    assert str(raised.value) == (
        f"OpenAI: HTTP {status} for GET /organization/projects after 1 retry: daily limit of 5. Run the command "
        "again in 3600 seconds"
    )
    assert len(server.requests) == 2 and not list(tmp_path.glob("**/*.parquet"))


def test_a_failed_fetch_changes_no_file(tmp_path):
    """The second page of costs is refused; the folder keeps its earlier files."""
    organization = OpenAIUsage([Cost("2026-11-01", 1)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path)
        organization.costs = [Cost("2026-11-01", 2)]
        original_reply = organization.reply
        organization.reply = lambda path, query, *rest: (
            (400, {}, {"error": "bad cursor"}) if "page" in query else original_reply(path, query, *rest)
        )
        with pytest.raises(FetchError, match="HTTP 400 for GET /organization/.*bad cursor"):
            fetch(server, tmp_path)
    assert rows(tmp_path, "BilledCost") == [(Decimal(1),)]


def test_a_page_that_links_to_itself_is_an_error(tmp_path):
    """Otherwise the fetch would never end, or would return only part of the charges."""
    organization = OpenAIUsage([Cost("2026-11-01", 1)])
    original_reply = organization.reply

    def stuck(path, query, *rest):
        status, headers, content = original_reply(path, query, *rest)
        return status, headers, {**content, "has_more": True, "next_page": "2026-11-04T00:00:00+00:00"}

    organization.reply = lambda path, *rest: (stuck if path == COSTS else original_reply)(path, *rest)
    with (
        local_vendor(organization) as server,
        pytest.raises(
            FetchError, match="another page, but contains no new cursor|unexpected time bucket 2026-11-04"
        ),
    ):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start_time": 1793500000}, "one bucket per day in UTC"),
        (
            {"results": [{"object": "organization.costs.result"}]},
            r"data\.0\.results\.0\.amount: Field required",
        ),
    ],
)
def test_a_response_of_unexpected_shape_is_an_error_that_names_the_field(tmp_path, change, message):
    organization = OpenAIUsage([Cost("2026-11-01", 1)])
    original_reply = organization.reply

    def changed(path, *rest):
        status, headers, content = original_reply(path, *rest)
        if path == COSTS:
            content["data"][0] |= change
        return status, headers, content

    organization.reply = changed
    with local_vendor(organization) as server, pytest.raises(FetchError, match=message):
        fetch(server, tmp_path)
    assert list(tmp_path.glob("data")) == []


def test_a_rejected_key_is_not_shown(tmp_path):
    """OpenAI repeats the key in its response."""
    with local_vendor(OpenAIUsage()) as server, pytest.raises(FetchError) as raised:
        fetch(server, tmp_path, key="sk-wrong-key")
    assert "sk-wrong-key" not in str(raised.value) and "OPENAI_ADMIN_KEY" in str(raised.value)
    assert "sk-wrong-key" not in repr(OPENAI.open_api("sk-wrong-key", url=server.address))


def test_a_key_that_may_not_list_users_and_projects_gives_ids(tmp_path):
    organization = OpenAIUsage(
        [Cost("2026-11-01", 1)], [Completions("2026-11-01", "user_ana")], may_list=False
    )
    with local_vendor(organization) as server:
        summary = fetch(server, tmp_path)
    assert rows(tmp_path, "SubAccountId, SubAccountName, x_User") == [("proj_search", None, "user_ana")]
    assert len(summary.notes) == 2


def test_a_folder_holds_one_billing_account(tmp_path):
    organization = OpenAIUsage([Cost("2026-11-01", 1)])
    with local_vendor(organization) as server:
        fetch(server, tmp_path)
        with pytest.raises(
            ConfigError, match="contains charges of OpenAI org-example; expected OpenAI org-other"
        ):
            fetch(server, tmp_path, account="org-other")


def test_the_first_run_requires_since(tmp_path):
    with local_vendor(OpenAIUsage()) as server, pytest.raises(ConfigError, match="--since"):
        fetch(server, tmp_path, since=None)


@pytest.mark.parametrize(
    "address", ["http://api.openai.com/v1", "http://127.0.0.1:80@example.com", "ftp://x", "api.openai.com"]
)
def test_the_key_is_not_sent_unencrypted(address):
    with pytest.raises(ConfigError, match="that starts with https"):
        OPENAI.open_api(KEY, url=address)
