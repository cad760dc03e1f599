CREATE TABLE orders (
    id            TEXT NOT NULL PRIMARY KEY,
    checkout_key  TEXT NOT NULL UNIQUE,          -- the same checkout is never two orders
    fingerprint   TEXT NOT NULL,                 -- of what was asked under that key
    shopper       TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('placed', 'reserved', 'confirmed', 'cancelled')),
    reason        TEXT NOT NULL,                 -- empty unless cancelled
    name          TEXT NOT NULL,
    email         TEXT NOT NULL,
    street        TEXT NOT NULL,
    postcode      TEXT NOT NULL,
    city          TEXT NOT NULL,
    payment_token TEXT NOT NULL,
    total         BIGINT NOT NULL CHECK (total >= 0),
    currency      TEXT NOT NULL,
    placed_at     BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE order_lines (
    order_id   TEXT NOT NULL REFERENCES orders (id),
    sku        TEXT NOT NULL,
    name       TEXT NOT NULL,
    quantity   BIGINT NOT NULL CHECK (quantity > 0),
    unit_price BIGINT NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (order_id, sku)
);

-- No order is in the same state twice.
CREATE TABLE order_history (
    order_id TEXT NOT NULL REFERENCES orders (id),
    step     BIGINT NOT NULL,
    state    TEXT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (order_id, step),
    UNIQUE (order_id, state)
);
