//! What the outbox says to each engine, through sqlx's `Any` driver: ids and JSON are cast from and to text, times are
//! milliseconds, and lists are JSON arrays, since `Any` has no arrays.

use crate::data::Engine;

pub(super) struct Sql {
    /// id, part, ordering key, exchange, routing key, properties, headers, body, not before, expires.
    pub(super) enqueue: &'static str,
    /// part, limit, rows held already, keys that are blocked, routes that are withheld, the longest pause after a failure.
    ///
    /// It selects among *all* rows that remain and not from the last one seen on, since a transaction that committed late
    /// may have written rows with smaller numbers. A row that was to be sent at once is given whatever the time is now: the
    /// clock may have been set back since. A row that failed before is given even before its time if it has a key:
    /// the relay keeps the key blocked itself, and must never be given a later row of that key without it. Another that failed is
    /// given before its time if that is further away than any failure puts it.
    pub(super) fetch: &'static str,
    /// The same, and of the routes that are withheld those that are stalled: nothing is given that is of the same key as a
    /// message to one of them and behind it.
    pub(super) fetch_beside: &'static str,
    /// part, rows, owner, epoch.
    pub(super) delete: &'static str,
    /// part, row, owner, epoch, error, pause.
    pub(super) defer: &'static str,
    /// part, row, owner, epoch, error. On SQLite followed by `delete`, since it has no `DELETE` within a `WITH`.
    pub(super) park: &'static str,
    /// owner, time to live. On PostgreSQL what is leased for longer than anybody may lease it is free too: the clock was set
    /// back, and its owner, if there is one, would have renewed it since.
    pub(super) acquire: &'static str,
    /// owner, time to live.
    pub(super) renew: &'static str,
    /// owner.
    pub(super) release: &'static str,
    /// Each partition: whether its lease is free, and whether there are rows.
    pub(super) scout: &'static str,
    /// Routes that nobody hears yet. How many rows there are (up to 100,000), the age of the oldest that is not of these
    /// routes, how many are parked.
    pub(super) survey: &'static str,
    /// Routes. How many rows of these there are (up to 100,000).
    pub(super) of_routes: &'static str,
    /// Age in milliseconds. Deletes parked rows that are older.
    pub(super) forget_parked: &'static str,
    /// part, owner, epoch. Gives one partition back.
    pub(super) yield_one: &'static str,
}

pub(super) fn of(engine: Engine) -> &'static Sql {
    match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    }
}

/// Takes all leases, whoever holds them; owner, time to live. See [`Leases::start`](super::leases::Leases::start).
pub(super) const SQLITE_TAKE_OVER: &str = "UPDATE chassis_outbox_lease SET owner = $1, epoch = epoch + 1, \
     expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $2 RETURNING part, epoch";

/// Says that a relay lives, forgets those that have not said so for long, and counts the others; owner, time to live. Who has said
/// it in the future did so before the clock was set back; if it lives it will say so again.
pub(super) const POSTGRES_PRESENT: &str = "WITH here AS ( \
        INSERT INTO chassis_outbox_relay (owner, seen_at) VALUES ($1, clock_timestamp()) \
        ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at), \
     gone AS (DELETE FROM chassis_outbox_relay \
        WHERE owner <> $1 AND abs(extract(epoch FROM clock_timestamp() - seen_at)) * 1000 > $2::bigint) \
     SELECT count(*) AS others FROM chassis_outbox_relay \
     WHERE owner <> $1 AND abs(extract(epoch FROM clock_timestamp() - seen_at)) * 1000 <= $2::bigint";

/// Says that a relay is gone; owner.
pub(super) const POSTGRES_ABSENT: &str = "DELETE FROM chassis_outbox_relay WHERE owner = $1";

/// What is due of an outbox, whether it has failed or not.
macro_rules! sqlite_due {
    () => {
        "(available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) \
            OR (last_error IS NULL AND available_at <= created_at) \
            OR (last_error IS NOT NULL AND (ordering_key IS NOT NULL \
                OR available_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) + $6))) "
    };
}

/// See [`Sql::fetch`]; what to join, and a further condition.
macro_rules! sqlite_fetch {
    (stalled) => {
        concat!(
            "LEFT JOIN (SELECT ordering_key AS stalled_key, min(seq) AS stalled_from FROM chassis_outbox \
             WHERE part = $1 AND ordering_key IS NOT NULL AND ",
            sqlite_due!(),
            "AND (exchange || ' ' || routing_key) IN (SELECT value FROM json_each($7)) \
             GROUP BY ordering_key) ON stalled_key = ordering_key "
        )
    };
    ($join:expr, $and:literal) => {
        concat!(
            "SELECT seq, id, ordering_key, exchange, routing_key, properties, headers, body, attempts, \
             coalesce(expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER), 0) AS expired \
             FROM chassis_outbox ",
            $join,
            "WHERE part = $1 AND ",
            sqlite_due!(),
            "AND seq NOT IN (SELECT value FROM json_each($3)) \
             AND (ordering_key IS NULL OR ordering_key NOT IN (SELECT value FROM json_each($4))) \
             AND (exchange || ' ' || routing_key) NOT IN (SELECT value FROM json_each($5)) ",
            $and,
            "ORDER BY seq LIMIT $2"
        )
    };
}

/// What is due of an outbox, whether it has failed or not.
macro_rules! postgres_due {
    () => {
        "(available_at <= now() OR (last_error IS NULL AND available_at <= created_at) \
            OR (last_error IS NOT NULL AND (ordering_key IS NOT NULL \
                OR available_at > now() + $6::bigint * interval '1 millisecond'))) "
    };
}

/// See [`Sql::fetch`]; what to join, and a further condition.
macro_rules! postgres_fetch {
    (stalled) => {
        concat!(
            "LEFT JOIN (SELECT ordering_key AS stalled_key, min(seq) AS stalled_from FROM chassis_outbox \
             WHERE part = $1 AND ordering_key IS NOT NULL AND ",
            postgres_due!(),
            "AND (exchange || ' ' || routing_key) = ANY (ARRAY(SELECT jsonb_array_elements_text($7::jsonb))) \
             GROUP BY ordering_key) stalled ON stalled_key = ordering_key "
        )
    };
    ($join:expr, $and:literal) => {
        concat!(
            "SELECT seq, id::text AS id, ordering_key, exchange, routing_key, properties::text AS properties, \
             headers::text AS headers, body, attempts, coalesce(expires_at <= now(), false)::int AS expired \
             FROM chassis_outbox ",
            $join,
            "WHERE part = $1 AND ",
            postgres_due!(),
            "AND seq <> ALL (ARRAY(SELECT jsonb_array_elements_text($3::jsonb)::bigint)) \
             AND (ordering_key IS NULL OR ordering_key <> ALL (ARRAY(SELECT jsonb_array_elements_text($4::jsonb)))) \
             AND (exchange || ' ' || routing_key) <> ALL (ARRAY(SELECT jsonb_array_elements_text($5::jsonb))) ",
            $and,
            "ORDER BY seq LIMIT $2"
        )
    };
}

const SQLITE: Sql = Sql {
    enqueue: "INSERT INTO chassis_outbox \
        (id, part, ordering_key, exchange, routing_key, properties, headers, body, available_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \
        coalesce($9, CAST(unixepoch('subsec') * 1000 AS INTEGER)), $10)",
    fetch: sqlite_fetch!("", ""),
    fetch_beside: sqlite_fetch!(sqlite_fetch!(stalled), "AND (stalled_from IS NULL OR seq < stalled_from) "),
    delete: "DELETE FROM chassis_outbox WHERE part = $1 AND seq IN (SELECT value FROM json_each($2)) \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4)",
    defer: "UPDATE chassis_outbox SET attempts = attempts + 1, last_error = $5, \
        available_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $6 \
        WHERE part = $1 AND seq = $2 \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4)",
    park: "INSERT INTO chassis_outbox_parked (seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, \
        created_at, available_at, expires_at, attempts, last_error) \
        SELECT seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, \
        created_at, available_at, expires_at, attempts + 1, $5 FROM chassis_outbox WHERE part = $1 AND seq = $2 \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4)",
    acquire: "UPDATE chassis_outbox_lease SET owner = $1, epoch = epoch + 1, \
        expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $2 \
        WHERE part = (SELECT part FROM chassis_outbox_lease \
                      WHERE expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) ORDER BY random() LIMIT 1) \
        RETURNING part, epoch",
    renew: "UPDATE chassis_outbox_lease SET expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $2 \
        WHERE owner = $1 RETURNING part, epoch",
    release: "UPDATE chassis_outbox_lease SET owner = NULL, expires_at = 0 WHERE owner = $1",
    scout: "SELECT part, expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) AS free, \
        EXISTS (SELECT 1 FROM chassis_outbox o WHERE o.part = l.part) AS waiting FROM chassis_outbox_lease l",
    survey: "SELECT (SELECT count(*) FROM (SELECT 1 FROM chassis_outbox LIMIT 100000)) AS depth, \
        (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) - CASE WHEN last_error IS NULL THEN available_at ELSE created_at END \
         FROM chassis_outbox \
         WHERE (available_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) OR last_error IS NOT NULL) \
         AND (exchange || ' ' || routing_key) NOT IN (SELECT value FROM json_each($1)) \
         ORDER BY seq LIMIT 1) AS oldest, \
        (SELECT count(*) FROM chassis_outbox_parked) AS parked",
    of_routes: "SELECT count(*) AS kept FROM (SELECT 1 FROM chassis_outbox \
        WHERE (exchange || ' ' || routing_key) IN (SELECT value FROM json_each($1)) LIMIT 100000)",
    forget_parked: "DELETE FROM chassis_outbox_parked \
        WHERE parked_at < CAST(unixepoch('subsec') * 1000 AS INTEGER) - $1",
    yield_one: "UPDATE chassis_outbox_lease SET owner = NULL, expires_at = 0 WHERE part = $1 AND owner = $2 AND epoch = $3",
};

const POSTGRES: Sql = Sql {
    enqueue: "INSERT INTO chassis_outbox \
        (id, part, ordering_key, exchange, routing_key, properties, headers, body, available_at, expires_at) \
        VALUES ($1::uuid, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, \
        coalesce(to_timestamp($9::bigint / 1000.0), now()), to_timestamp($10::bigint / 1000.0))",
    fetch: postgres_fetch!("", ""),
    fetch_beside: postgres_fetch!(postgres_fetch!(stalled), "AND (stalled_from IS NULL OR seq < stalled_from) "),
    delete: "DELETE FROM chassis_outbox WHERE part = $1 \
        AND seq = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)::bigint)) \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4)",
    defer: "UPDATE chassis_outbox SET attempts = attempts + 1, last_error = $5, \
        available_at = now() + $6::bigint * interval '1 millisecond' \
        WHERE part = $1 AND seq = $2 \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4)",
    park: "WITH gone AS (DELETE FROM chassis_outbox WHERE part = $1 AND seq = $2 \
        AND EXISTS (SELECT 1 FROM chassis_outbox_lease WHERE part = $1 AND owner = $3 AND epoch = $4) RETURNING *) \
        INSERT INTO chassis_outbox_parked (seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, \
        created_at, available_at, expires_at, attempts, last_error) \
        SELECT seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, \
        created_at, available_at, expires_at, attempts + 1, $5 FROM gone",
    acquire: "UPDATE chassis_outbox_lease SET owner = $1, epoch = epoch + 1, \
        expires_at = clock_timestamp() + $2::bigint * interval '1 millisecond' \
        WHERE part = (SELECT part FROM chassis_outbox_lease WHERE expires_at <= clock_timestamp() \
                      OR expires_at > clock_timestamp() + interval '10 minutes' \
                      ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED) \
        RETURNING part, epoch",
    renew: "UPDATE chassis_outbox_lease SET expires_at = clock_timestamp() + $2::bigint * interval '1 millisecond' \
        WHERE owner = $1 RETURNING part, epoch",
    release: "UPDATE chassis_outbox_lease SET owner = NULL, expires_at = '-infinity' WHERE owner = $1",
    scout: "SELECT part, (expires_at <= clock_timestamp() \
        OR expires_at > clock_timestamp() + interval '10 minutes')::int AS free, \
        EXISTS (SELECT 1 FROM chassis_outbox o WHERE o.part = l.part)::int AS waiting FROM chassis_outbox_lease l",
    survey: "SELECT (SELECT count(*) FROM (SELECT 1 FROM chassis_outbox LIMIT 100000) n) AS depth, \
        (SELECT (extract(epoch FROM max(clock_timestamp() - f.since)) * 1000)::bigint \
         FROM chassis_outbox_lease l CROSS JOIN LATERAL ( \
            SELECT CASE WHEN o.last_error IS NULL THEN o.available_at ELSE o.created_at END AS since FROM chassis_outbox o \
            WHERE o.part = l.part AND (o.available_at <= now() OR o.last_error IS NOT NULL) \
            AND (o.exchange || ' ' || o.routing_key) <> ALL (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) \
            ORDER BY o.seq LIMIT 1) f) AS oldest, \
        (SELECT count(*) FROM chassis_outbox_parked) AS parked",
    of_routes: "SELECT count(*) AS kept FROM (SELECT 1 FROM chassis_outbox \
        WHERE (exchange || ' ' || routing_key) = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) LIMIT 100000) n",
    forget_parked: "DELETE FROM chassis_outbox_parked WHERE parked_at < now() - $1::bigint * interval '1 millisecond'",
    yield_one: "UPDATE chassis_outbox_lease SET owner = NULL, expires_at = '-infinity' \
        WHERE part = $1 AND owner = $2 AND epoch = $3",
};
