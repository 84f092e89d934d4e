"""What a Synapse knows of a room, read out of its database: `read_room.py DATABASE ROOM [brief]`.

Prints JSON: the events in the order in which they came, as they came, with Synapse's verdicts and its state after
each, unless it is to be brief; the state now; the forward extremities.
"""

import json
import sqlite3
import sys

database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
room, is_brief = sys.argv[2], sys.argv[3:] == ["brief"]
# One moment for all questions.
database.execute("BEGIN")


def ask(sql: str, *values: object) -> list:
    return database.execute(sql, values).fetchall()


DELTAS = """
WITH RECURSIVE line(state_group, distance) AS (
    VALUES (?, 0)
    UNION ALL
    SELECT prev_state_group, distance + 1 FROM state_group_edges JOIN line USING (state_group)
)
SELECT type, state_key, event_id FROM line JOIN state_groups_state USING (state_group) ORDER BY distance DESC
"""

EVENTS = """
SELECT event_id, json, internal_metadata, outlier, stream_ordering, reason, state_group
FROM events JOIN event_json USING (event_id)
LEFT JOIN rejections USING (event_id) LEFT JOIN event_to_state_groups USING (event_id)
WHERE events.room_id = ? ORDER BY stream_ordering
"""


def state(group: int) -> list:
    entries = {(kind, key): event for kind, key, event in ask(DELTAS, group)}
    return [[kind, key, event] for (kind, key), event in entries.items()]


def event(row: tuple) -> dict:
    name, text, metadata, outlier, stream, reason, group = row
    return {
        "id": name,
        "text": text,
        "isOutlier": bool(outlier),
        "isBackfilled": stream < 0,
        "isSoftFailed": json.loads(metadata).get("soft_failed", False),
        "rejection": reason,
        "stateAfter": None if group is None or is_brief else state(group),
    }


print(
    json.dumps(
        {
            "events": [event(row) for row in ask(EVENTS, room)],
            "state": ask("SELECT type, state_key, event_id FROM current_state_events WHERE room_id = ?", room),
            "extremities": [name for (name,) in ask("SELECT event_id FROM event_forward_extremities WHERE room_id = ?", room)],
            "isPartial": bool(ask("SELECT 1 FROM partial_state_rooms WHERE room_id = ?", room)),
        }
    )
)
