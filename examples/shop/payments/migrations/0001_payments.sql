CREATE TABLE payments (
    order_id   TEXT NOT NULL PRIMARY KEY,
    amount     BIGINT NOT NULL CHECK (amount >= 0),
    currency   TEXT NOT NULL,
    token      TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('requested', 'authorised', 'declined')),
    reason     TEXT NOT NULL,                    -- empty unless declined
    attempts   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What is not known yet, for the job that asks again.
CREATE INDEX payments_open ON payments (state, updated_at);
