"""Collect the events of a CI system from the bucket: from event files that it writes, and from requests that it posts.

Each event file has one file in the table `events`. An event file that changes replaces its events, and the events of a
deleted file are deleted. Posted events are returned, and store_events adds them to the events of their days.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from urllib.parse import unquote

from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.parse_ci_event_files import (
    CSV,
    FOLDER,
    JSON_LINES,
    MOST_BYTES,
    POSTED,
    UnreadableFileError,
    events_of_file,
)
from focuswatch.collect.read_and_write_collected_tables_in_s3 import EVENTS_FOLDER, Store, file_events_key
from focuswatch.collect.store_events import event_order


def store_event_files(store: Store) -> dict[str, str]:
    """Store the events of new, changed and deleted CI event files; return why files cannot be read, by key."""
    unreadable: dict[str, str] = {}
    read = store.objects(f"{EVENTS_FOLDER}file-")
    files = {
        key: file
        for key, file in store.objects(FOLDER).items()
        if key.endswith((*CSV, *JSON_LINES)) and not key.startswith(POSTED)
    }
    for key, file in files.items():
        earlier = read.get(file_events_key(key))
        if earlier is not None and earlier.modified > file.modified:
            continue
        if file.size > MOST_BYTES:
            unreadable[key] = (
                f"the file has {file.size:,} bytes, expected at most {MOST_BYTES:,}; split the file"
            )
            continue
        try:
            events = events_of_file(key, store.content(key))
        except UnreadableFileError as error:
            unreadable[key] = str(error)
            continue
        store.write_events_of_file(sorted(events, key=event_order), key=key)
    for key in _deleted(read, files):
        store.write_events_of_file((), key=key)
    return unreadable


def posted_events(store: Store, *, since: date, today: date) -> tuple[list[CollectedEvent], dict[str, str]]:
    """Return the events posted on the days from `since` to `today`, and why requests cannot be read, by key."""
    events: list[CollectedEvent] = []
    unreadable: dict[str, str] = {}
    for offset in range((today - since).days + 1):
        for key in store.objects(f"{POSTED}{since + timedelta(days=offset)}/"):
            try:
                events.extend(events_of_file(key, store.content(key)))
            except UnreadableFileError as error:
                unreadable[key] = str(error)
    return events, unreadable


def _deleted(read: Iterable[str], files: Iterable[str]) -> Iterable[str]:
    """Yield the keys of event files that were stored earlier and no longer exist."""
    present = {file_events_key(key) for key in files}
    prefix = f"{EVENTS_FOLDER}file-"
    yield from (
        unquote(key.removeprefix(prefix).removesuffix(".parquet")) for key in read if key not in present
    )
