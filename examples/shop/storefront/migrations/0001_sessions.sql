-- A browser. Its cookie is known by its hash only; the shopper's name is what other services get to see.
CREATE TABLE sessions (
    cookie_hash TEXT NOT NULL PRIMARY KEY,
    shopper     TEXT NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL
);

CREATE TABLE cart_lines (
    shopper  TEXT NOT NULL REFERENCES sessions (shopper),
    sku      TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (shopper, sku)
);

-- The shoppers' orders, from the answer to the checkout or from the event, whichever comes first.
CREATE TABLE orders_seen (
    order_id  TEXT NOT NULL PRIMARY KEY,
    shopper   TEXT NOT NULL,
    total     BIGINT NOT NULL,
    currency  TEXT NOT NULL,
    placed_at BIGINT NOT NULL
);

CREATE INDEX orders_seen_by_shopper ON orders_seen (shopper, placed_at);

-- How far each order is. Apart from the orders, since events about one order may come in any order; a later step wins.
CREATE TABLE order_states (
    order_id   TEXT NOT NULL PRIMARY KEY,
    step       BIGINT NOT NULL,
    state      TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
