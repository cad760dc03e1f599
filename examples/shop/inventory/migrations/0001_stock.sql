CREATE TABLE stock (
    sku       TEXT NOT NULL PRIMARY KEY,
    initial   BIGINT NOT NULL CHECK (initial >= 0),
    available BIGINT NOT NULL CHECK (available >= 0),
    reserved  BIGINT NOT NULL CHECK (reserved >= 0),
    sold      BIGINT NOT NULL CHECK (sold >= 0),
    CHECK (initial = available + reserved + sold)
);

-- One row per order that was ever heard of. A row stays for good: one that says `released` refuses a reservation that comes late.
CREATE TABLE reservations (
    order_id   TEXT NOT NULL PRIMARY KEY,
    state      TEXT NOT NULL CHECK (state IN ('held', 'rejected', 'committed', 'released')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE reservation_lines (
    order_id TEXT NOT NULL REFERENCES reservations (order_id),
    sku      TEXT NOT NULL REFERENCES stock (sku),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, sku)
);
