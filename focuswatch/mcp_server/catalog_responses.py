"""Build responses about the catalog: a list of detections, or one with its texts, thresholds and limitations."""

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.catalog.sql_header_models import Category
from focuswatch.mcp_server.cursors import encode_cursor, row_position
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import Document, TextLimits, bill_data, fit, paged


def detections_page(catalog: Catalog, *, category: Category | None, cursor: str | None) -> Document:
    """Return a page of the detections, sorted by ID. Raises ConfigError for a bad cursor."""
    detections = [
        detection
        for detection in catalog.detections.values()
        if category in (None, detection.header.category)
    ]
    identity = ("detections", category, len(detections))
    start = row_position(cursor, of=identity)
    head: Document = {"matching": len(detections)}
    page = paged(detections, start=start, render=lambda detection, _limits: _row(detection), head=head)
    document = head | {"detections": page.rows}
    if page.next_start is not None:
        document["next_cursor"] = encode_cursor([page.next_start], of=identity)
    return document


def detection_document(detection: Detection) -> Document:
    """Return one detection in full."""
    header = detection.header

    def build(limits: TextLimits) -> Document:
        texts = {
            "why": " ".join(header.why.split()),
            "reason_template": header.reason.strip(),
            "steps_template": header.action.strip(),
            "thresholds": dict(header.parameters),
            "known_limitations": list(header.blind_spots),
            "sources": list(header.sources),
        }
        shown: Document = bill_data(texts, limits)
        return _row(detection) | {"notifies": header.notify, "runs": header.schedule} | shown

    return fit(build)


def _row(detection: Detection) -> Document:
    header = detection.header
    first_sentence = " ".join(header.why.split()).partition(". ")[0].rstrip(".")
    return {
        "detection": detection.id,
        "title": header.title,
        "category": header.category,
        "state": header.status,
        "why": f"{first_sentence}.",
    }
