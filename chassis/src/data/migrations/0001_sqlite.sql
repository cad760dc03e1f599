-- Times are milliseconds since 1970 in UTC.

CREATE TABLE chassis_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    part INTEGER NOT NULL,
    ordering_key TEXT,
    exchange TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    properties TEXT NOT NULL,
    headers TEXT NOT NULL DEFAULT '{}',
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    available_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    expires_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
) STRICT;
-- An index ends with the row's own number, so this is one over (part, seq).
CREATE INDEX chassis_outbox_due ON chassis_outbox (part);

CREATE TABLE chassis_outbox_parked (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    part INTEGER NOT NULL,
    ordering_key TEXT,
    exchange TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    properties TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    expires_at INTEGER,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    parked_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

CREATE TABLE chassis_outbox_lease (
    part INTEGER PRIMARY KEY,
    owner TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO chassis_outbox_lease (part) VALUES (0), (1), (2), (3), (4), (5), (6), (7);

CREATE TABLE chassis_inbox (
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    received_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    PRIMARY KEY (consumer, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chassis_inbox_age ON chassis_inbox (received_at);

CREATE TABLE chassis_job_lease (
    job TEXT PRIMARY KEY,
    owner TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    last_run INTEGER,
    last_result TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE chassis_idempotency_key (
    operation TEXT NOT NULL,
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'done')),
    claimed_by TEXT,
    lease_until INTEGER,
    status INTEGER,
    headers TEXT,
    body BLOB,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (operation, subject, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX chassis_idempotency_key_age ON chassis_idempotency_key (expires_at);
