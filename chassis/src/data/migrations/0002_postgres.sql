-- Which relays live, so that they can share the partitions of the outbox evenly.
CREATE TABLE chassis_outbox_relay (
    owner text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
