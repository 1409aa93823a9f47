"""Render the page that a link in Teams opens, and read its form: a person enters a name and submits a response.

Opening the page records nothing, because link scanners open it too. It contains no scripts, and all text is escaped
here. The module imports little, to keep the cold start of the function `answer` short.
"""

import base64
import hashlib
import unicodedata
from html import escape
from urllib.parse import parse_qs

from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.response_actions_and_labels import MessageAction
from focuswatch.notify.teams.signed_action_link import SignedAction
from focuswatch.notify.teams.submitted_link_response_as_queue_message import LinkResponse

NAME_CHARACTERS, REASON_CHARACTERS = 80, 500
NOT_VALID = "This link is not valid or has expired. Open the link in the latest message about the finding."
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}"
    "input{margin:.25rem 0 1rem;padding:.5rem;border:1px solid #767676;border-radius:4px}"
    "button{padding:.6rem;border:0;border-radius:4px;background:#1d4ed8;color:#fff;cursor:pointer}"
    ".error{color:#b00020}.note{color:#555;font-size:14px}"
)
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # whoever has the URL can respond
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
HEADINGS: dict[MessageAction, str] = {
    "acknowledge": "Acknowledge this finding?",
    "snooze_7": "Snooze this finding for 7 days?",
    "snooze_30": "Snooze this finding for 30 days?",
}
EFFECTS: dict[MessageAction, str] = {
    "acknowledge": "If the finding remains open, the next reminder is sent in two weeks.",
    "snooze_7": "No one will be notified of this finding for 7 days.",
    "snooze_30": "No one will be notified of this finding for 30 days.",
    "not_waste": "No one will be notified of this finding again until someone unmutes it.",
}


def render_form(action: SignedAction, *, error: str | None = None) -> str:
    """Return the page that asks for a name, and for a reason if the finding would be muted without an end date."""
    needs_reason = action.action == "not_waste"
    button = action.muting if needs_reason else HEADINGS[action.action].partition(" this finding")[0]
    reason = (
        f'<label>Reason<input name="reason" required maxlength="{REASON_CHARACTERS}"></label>'
        if needs_reason
        else ""
    )
    problem = f'<p class="error">{escape(error)}</p>' if error else ""
    return _page(
        _heading(action),
        f"<p><strong>{escape(visible(action.about))}</strong></p><p>{EFFECTS[action.action]}</p>{problem}"
        f'<form method="post"><label>Your name<input name="name" required autocomplete="name" '
        f'maxlength="{NAME_CHARACTERS}"></label>{reason}<button>{escape(button)}</button></form>'
        '<p class="note">Your name is recorded with the action and posted in the channel.</p>',
    )


def render_done(action: SignedAction, response: LinkResponse) -> str:
    """Return the page shown after a response was accepted."""
    return _page(
        "Accepted",
        f"<p><strong>{escape(visible(action.about))}</strong></p><p>{EFFECTS[action.action]}</p>"
        f'<p class="note">The action will be recorded within a minute under the name {escape(response.author)}. '
        "To unmute a finding, run focuswatch unsuppress.</p>",
    )


def render_refusal() -> str:
    """Return the page for a link that is invalid or expired."""
    return _page("Link not valid", f"<p>{NOT_VALID}</p>")


def read_form(action: SignedAction, body: str) -> LinkResponse | str:
    """Return the response of a submitted form, or an error message if an entry is missing."""
    values = parse_qs(body, max_num_fields=10)
    name = _field(values, "name", most=NAME_CHARACTERS)
    reason = _field(values, "reason", most=REASON_CHARACTERS)
    if not any(unicodedata.category(sign)[0] in "LN" for sign in name):
        return "Enter your name."
    if action.action == "not_waste" and not reason:
        return "Enter a reason."
    return LinkResponse(action.id, action.action, action.finding, action.address, name, reason or None)


def _field(values: dict[str, list[str]], name: str, *, most: int) -> str:
    return " ".join(visible(values.get(name, [""])[0]).split())[:most]


def _heading(action: SignedAction) -> str:
    return HEADINGS.get(action.action, f"Mark this finding as {action.muting.lower()}?")


def _page(heading: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>focuswatch</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(heading)}</h1>{content}</body></html>"
    )
