CREATE TABLE charges (
    key      TEXT NOT NULL PRIMARY KEY,
    amount   BIGINT NOT NULL,
    currency TEXT NOT NULL,
    token    TEXT NOT NULL,
    approved BIGINT NOT NULL CHECK (approved IN (0, 1)),
    reason   TEXT NOT NULL,                      -- empty where approved
    asked    BIGINT NOT NULL,                    -- how often it was asked for
    at       BIGINT NOT NULL
);
