"""Text of issues: complete, within Jira's limits, and without markup from a bill."""

import re
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.escape_and_shorten_wiki_text import escaped, verbatim
from focuswatch.notify.jira.issue_fields import new_issue_fields
from focuswatch.owners.teams_and_routing_sections import Jira
from tests.fakes.jira_as_text import BLOCK, acting, seen
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding
from tests.given.hostile_names import HOSTILE_NAMES
from tests.given.jira_world import DESCRIPTION_OPTIONS, a_finding
from tests.given.one_line_findings import saving_of

CATALOG = Catalog.load()
HOSTILE_TEXTS = {
    **HOSTILE_NAMES,
    "end of a block": "{noformat}\n[~admin] h1. free\n{noformat}",
    "macro": "{color:red}x{color} {code}y{code} {quote}",
    "heading": "h1. Pay me\nbq. now",
    "mention": "[~grace] [~accountid:712020:grace] @grace",
    "image": "!https://evil.example/pixel.png! !x.png|thumbnail!",
    "wiki link": "[pay here|https://evil.example] [^secret.txt] [mailto:a@b.example]",
    "table": "||a||b||\n|c|d|",
    "list": "* a\n# b\n- c\n----",
    "emphasis": "*a* _b_ +c+ ^d^ ~e~ -f- ??g?? {{h}}",
    "smileys": ":) :( :P :D ;) (!) (?) (/) (x) (y) (*) (i)",
    "backslashes": r"a\*b \\ c\\[~x] \{noformat}",
    "issue": "SRCH-1",
}
OWN_MARKUP = re.compile(
    r"(?m)\A\*(?=1,200)|(?<=month in potential savings)\*|^h3\. |^\* |^----$|^_(?=A name)|(?<=to copy\\.)_$"
)
OWN_MARKUP_COUNTS = Counter({"h3. ": 4, "*": 2, "* ": 1, "----": 1})


def finding_with_names(text: str) -> Finding:
    """Return a finding whose every name that can come from a bill is `text`."""
    reason = f"{text} ran 168 hours."
    template = "1. Who made it? aws sagemaker describe-endpoint --endpoint-name {text} --region eu-west-1"
    action = action_of(template, {"text": text}, words={"text": text})
    return a_finding(
        resource_id=text,
        sub_account_name=text,
        region_id=text,
        service_name=text,
        team=text,
        reason=reason,
        action=action,
        evidence={"name": text, text: 1, "many": [text] * 3},
    )


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_names_from_a_bill_are_never_markup(name):
    """No link, mention, image, macro or layout except those that focuswatch adds."""
    finding = finding_with_names(HOSTILE_TEXTS[name])
    text = issue_text_and_comments.render_description(finding, **DESCRIPTION_OPTIONS)
    prose = BLOCK.sub("", text)
    assert Counter(one for one in OWN_MARKUP.findall(prose) if one != "_") == OWN_MARKUP_COUNTS
    assert acting(OWN_MARKUP.sub("", prose)) == []
    for comment in (
        issue_text_and_comments.render_change(finding, number=1, cost=Decimal(1), severity="low"),
        issue_text_and_comments.render_reopened(finding, number=1, excluded=True),
        issue_text_and_comments.render_reminder(finding, number=1),
        issue_text_and_comments.render_resolved(finding, number=1),
    ):
        assert acting(comment) == [] and len(comment) <= issue_text_and_comments.TEXT_CHARACTERS
    for one in (text, issue_text_and_comments.render_summary(finding)):
        assert not set(one) & set("\x00\x07\x08\x1b\x7f\x9b\u202e\u2066\u200f\r")


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_every_text_fits_the_limits_of_jira(name):
    """A summary is one line of fewer than 255 characters, a description has at most 32,767, and no character needs
    more than three bytes."""
    finding = finding_with_names(HOSTILE_TEXTS[name])
    description = issue_text_and_comments.render_description(finding, **DESCRIPTION_OPTIONS)
    fields = new_issue_fields(finding, target=Jira(project="SRCH"), cloud=True, description=description)
    assert 0 < len(fields["summary"]) < 255 and len(fields["summary"].splitlines()) == 1
    assert 0 < len(fields["description"]) <= 32_767
    assert max(map(ord, fields["summary"] + fields["description"])) <= 0xFFFF
    assert fields["description"].count("{noformat}") % 2 == 0


def test_long_text_is_shortened_with_every_section_kept():
    """However long every name is, each part of the description is present."""
    finding = finding_with_names("-" * 20_000).model_copy(
        update={
            "action": "\n".join(["-" * 5_000] * 40),
            "evidence": {str(one): "-" * 900 for one in range(99)},
        }
    )
    text = issue_text_and_comments.render_description(finding, **DESCRIPTION_OPTIONS)
    assert len(text) <= issue_text_and_comments.TEXT_CHARACTERS
    for part in ("What to do", "Where", "Evidence", "Known limitations", finding.fingerprint):
        assert part in text


def test_summary_keeps_title_place_and_amount_of_long_names():
    finding = a_finding(title="t" * 120, sub_account_name="n" * 3000, monthly_cost=Decimal("1234567.5"))
    summary = issue_text_and_comments.render_summary(finding)
    assert summary.startswith("t" * 120)
    assert summary.endswith(", eu-west-1, 1,234,568 USD/month in potential savings")


def test_command_is_a_separate_block_and_unchanged():
    commands = BLOCK.findall(issue_text_and_comments.render_description(a_finding(), **DESCRIPTION_OPTIONS))
    assert commands[0] == "aws sagemaker describe-endpoint --endpoint-name ranker --region eu-west-1"


def test_name_with_shell_characters_is_in_no_command():
    """People paste commands into a shell."""
    for name in ("x; rm -rf ~", "x\n   aws s3 rb s3://all --force", "$(id)"):
        text = issue_text_and_comments.render_description(finding_with_names(name), **DESCRIPTION_OPTIONS)
        assert not [one for one in BLOCK.findall(text) if one.startswith("aws ")]
        assert "no command: the text contains characters that a shell" in text


def test_escaped_text_is_shown_unchanged():
    text = "a-b *c* [d] {e} (f) #1 100% x|y ?! @z ~q^ +1 _s_"
    assert seen(escaped(text, longest=300)) == text
    assert seen(verbatim("a\n  b {noformat} c", longest=300)).split("\n")[1] == "      b {\u2060noformat} c"


def test_query_in_athena_is_a_link():
    url = "https://console.aws.amazon.com/athena/home?region=us-east-1#/query-editor/saved-queries/abc"
    text = issue_text_and_comments.render_description(
        a_finding(), **{**DESCRIPTION_OPTIONS, "query_url": url}
    )
    assert f"[Open the query in Athena|{url}]" in text
    assert "Athena" not in issue_text_and_comments.render_description(a_finding(), **DESCRIPTION_OPTIONS)


def test_comment_mark_is_unique_to_one_notification():
    """focuswatch searches for the mark in comments that Jira returns, so it has no character that Jira changes."""
    mark = issue_text_and_comments.comment_mark("3f2a", 1)
    assert mark in issue_text_and_comments.render_resolved(a_finding(fingerprint="3f2a"), number=1)
    assert (
        mark + "\n"
        not in issue_text_and_comments.render_resolved(a_finding(fingerprint="3f2a"), number=12) + "\n"
    )
    assert escaped(mark, longest=99) == mark


def with_verified_saving(finding: Finding) -> Finding:
    saving = saving_of(finding, saved="12.5", on=date(2026, 6, 10))
    return finding.model_copy(update={"verified_saving": saving})


def test_offered_exclusion_is_in_the_description_with_its_command():
    """A Jira issue has no focuswatch buttons."""
    offer = ExclusionOffer(scope="team", value="search; rm -rf", dismissed=4)
    text = issue_text_and_comments.render_description(
        a_finding(exclusion_offer=offer), header=None, query_url=None, days=90
    )
    assert (
        "4 findings of this detection in team search; rm \\-rf were snoozed or marked as not waste." in text
    )
    command = "focuswatch exclude --detection idle_sagemaker_endpoint --team 'search; rm -rf'"
    assert any(block.startswith(command) for block in BLOCK.findall(text))


@pytest.mark.parametrize(
    "detection", ["cost_anomaly", "gpu_burst", "idle_sagemaker_endpoint", "unused_commitment"]
)
def test_issue_text_matches_its_golden_file(detection):
    finding = golden_finding(detection)
    header = CATALOG.detection(detection).header
    description = issue_text_and_comments.render_description(finding, header=header, query_url=None, days=90)
    grown = finding.model_copy(
        update={"monthly_cost": finding.monthly_cost * 3, "severity": "critical", "as_of": date(2026, 6, 10)}
    )
    comments = (
        issue_text_and_comments.render_change(
            grown, number=1, cost=finding.monthly_cost, severity=finding.severity
        ),
        issue_text_and_comments.render_resolved(grown, number=2),
        issue_text_and_comments.render_reopened(finding, number=3, excluded=False),
        *(
            [issue_text_and_comments.render_saving(with_verified_saving(finding), number=4)]
            if finding.category == "waste"
            else []
        ),
    )
    parts = [issue_text_and_comments.render_summary(finding), seen(description), *map(seen, comments)]
    assert_golden(f"jira/{detection}.txt", f"\n\n{'=' * 100}\n\n".join(parts) + "\n")
