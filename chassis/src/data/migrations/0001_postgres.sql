-- The outbox is a queue: rows come and go all the time, hence the room for updates in place and the eager vacuum.
CREATE TABLE chassis_outbox (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    part smallint NOT NULL,
    ordering_key text,
    exchange text NOT NULL,
    routing_key text NOT NULL,
    properties jsonb NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    available_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    last_error text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX chassis_outbox_due ON chassis_outbox (part, seq);

CREATE TABLE chassis_outbox_parked (LIKE chassis_outbox, parked_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX chassis_outbox_parked_order ON chassis_outbox_parked (seq);

CREATE TABLE chassis_outbox_lease (
    part smallint PRIMARY KEY,
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO chassis_outbox_lease (part) SELECT generate_series(0, 7);

CREATE TABLE chassis_inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX chassis_inbox_age ON chassis_inbox USING brin (received_at);

CREATE TABLE chassis_job_lease (
    job text PRIMARY KEY,
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    last_run timestamptz,
    last_result text
);

CREATE TABLE chassis_idempotency_key (
    operation text NOT NULL,
    subject text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('claimed', 'done')),
    claimed_by text,
    lease_until timestamptz,
    status smallint,
    headers jsonb,
    body bytea,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (operation, subject, key)
);
CREATE INDEX chassis_idempotency_key_age ON chassis_idempotency_key (expires_at);
