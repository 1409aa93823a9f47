"""The tools that write: they require permission, change one finding at a time, and record an author."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from focuswatch.cli import app
from focuswatch.errors import ConfigError
from focuswatch.ledger import EvaluatedUntil, SqliteLedger, decide
from tests.fakes.mcp_agent import Agent, serving_agent
from tests.given.incidents import scanned, stolen_key
from tests.given.one_line_findings import DAY, finding, run

WRITES = {"snooze", "exclude", "acknowledge"}
IDLE, OTHER = finding("arn:idle"), finding("arn:other", cost="20")
LATER = str(DAY + timedelta(days=30))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Yield a ledger with two findings of a scan."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(IDLE, OTHER)),
        evaluated=[EvaluatedUntil("idle_sagemaker_endpoint", DAY)],
    )
    yield ledger
    ledger.close()


@pytest.fixture
def agent(ledger: SqliteLedger, tmp_path: Path) -> Iterator[Agent]:
    """Yield an agent whose server may write."""
    options = ("--ledger", tmp_path / "ledger.db", "--allow-write", "--author", "Ana Lima")
    with serving_agent(*options, folder=tmp_path) as agent:
        yield agent


def test_annotations_of_write_tools_request_confirmation(agent):
    """Clients ask the user before they make a destructive call."""
    tools = agent.tools()
    assert tools.keys() > WRITES
    assert all(tools[name].annotations.destructive_hint for name in WRITES)
    assert {name for name, tool in tools.items() if not tool.annotations.read_only_hint} == WRITES


def test_tools_that_write_are_absent_without_permission(ledger, tmp_path):
    """Calling such a tool is refused, and nothing is written."""
    with serving_agent("--ledger", tmp_path / "ledger.db", folder=tmp_path) as agent:
        assert not agent.tools().keys() & WRITES
        for tool in WRITES:
            assert agent.error(tool, fingerprint=IDLE.fingerprint).startswith(f"No tool is named '{tool}'.")
    assert ledger.suppressions() == []
    assert ledger.entries()[IDLE.fingerprint].acknowledged_by is None


def test_snoozed_finding_is_muted_until_the_date_and_names_its_author(agent, ledger):
    """The other finding stays open."""
    recorded = agent.read("snooze", fingerprint=IDLE.fingerprint, until=LATER, reason="load test")
    (suppression,) = ledger.suppressions()
    assert recorded["suppression"] == suppression.id and recorded["muted_until"] == LATER
    assert (suppression.author, suppression.reason) == ("Ana Lima via MCP", "load test")
    assert (suppression.scope, suppression.value) == ("fingerprint", IDLE.fingerprint)
    assert (suppression.since, str(suppression.until)) == (DAY, LATER)
    assert [one["fingerprint"] for one in agent.read("list_findings")["findings"]] == [OTHER.fingerprint]
    (muted,) = agent.read("list_findings", status="suppressed")["findings"]
    assert (muted["fingerprint"], muted["status"]) == (IDLE.fingerprint, "suppressed")
    assert agent.read("get_finding", fingerprint=IDLE.fingerprint)["status"] == "suppressed"


def test_excluded_finding_is_muted_with_no_end_date(agent, ledger):
    """An exclusion has no end date by default."""
    recorded = agent.read("exclude", fingerprint=IDLE.fingerprint[:8], reason="standby")
    (suppression,) = ledger.suppressions()
    assert (suppression.value, suppression.until) == (IDLE.fingerprint, None)
    assert recorded["undo"] == f"focuswatch unsuppress {suppression.id}"


def test_acknowledged_finding_stays_open_with_its_author(agent, ledger):
    """Acknowledging only postpones the reminder."""
    agent.read("acknowledge", fingerprint=IDLE.fingerprint)
    entry = ledger.entries()[IDLE.fingerprint]
    assert (entry.acknowledged_by, entry.acknowledged_on, entry.state) == ("Ana Lima via MCP", DAY, "open")
    assert agent.read("list_findings")["matching"] == 2


@pytest.mark.parametrize("acknowledged", stolen_key(), ids=lambda one: one.detection)
def test_acknowledging_any_finding_of_an_incident_acknowledges_the_incident(agent, ledger, acknowledged):
    """The reminder is about the lead, so all findings of the incident are acknowledged."""
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, scanned(*stolen_key(), on=DAY)),
        evaluated=(),
    )
    recorded = agent.read("acknowledge", fingerprint=acknowledged.fingerprint)
    members = {one.fingerprint for one in stolen_key()}
    assert recorded["acknowledged_findings"] == len(members)
    assert {
        entry.fingerprint
        for entry in ledger.entries().values()
        if entry.acknowledged_by == "Ana Lima via MCP"
    } == members


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("snooze", {"until": LATER, "reason": " "}, "The reason is empty."),
        ("snooze", {"until": str(DAY), "reason": "x"}, f"The end date {DAY} is not after {DAY}, the as-of date of"),
        ("snooze", {"until": "tomorrow", "reason": "x"}, "until: expected a valid date"),
        ("snooze", {"reason": "x"}, "until: field required."),
        ("exclude", {"reason": "x", "account": "111122223333"}, "exclude has no argument 'account'."),
        ("exclude", {"reason": "x", "author": "Eve"}, "exclude has no argument 'author'."),
    ],
    ids=str,
)  # fmt: skip
def test_invalid_calls_get_a_sentence_and_change_nothing(agent, ledger, tool, arguments, sentence):
    """An agent can neither mute an account nor name another author."""
    assert agent.error(tool, fingerprint=IDLE.fingerprint, **arguments).startswith(sentence)
    assert ledger.suppressions() == []


def test_resolved_finding_cannot_be_acknowledged(agent, ledger):
    """A resolved finding has no reminder."""
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(OTHER, on=DAY + timedelta(days=1))),
        evaluated=[EvaluatedUntil("idle_sagemaker_endpoint", DAY + timedelta(days=1))],
    )
    assert ledger.entries()[IDLE.fingerprint].state == "resolved"
    assert "is resolved. Only an open finding" in agent.error("acknowledge", fingerprint=IDLE.fingerprint)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--allow-write"], "--allow-write requires --author"),
        (["--allow-write", "--author", " "], "--allow-write requires --author"),
        (["--author", "Ana"], "--author requires --allow-write"),
        (["--deployment", "x.toml", "--ledger", "y"], "--deployment determines the ledger and the bill"),
    ],
    ids=str,
)
def test_conflicting_options_are_refused(options, sentence):
    """They are refused before a client connects."""
    done = CliRunner().invoke(app, ["mcp", *options])
    assert isinstance(done.exception, ConfigError) and sentence in str(done.exception)
