//! What operators ask of the tables of the outbox.

pub(super) struct Sql {
    /// id, type, part of the error, since, until, limit. So for `select`.
    pub(super) list: &'static str,
    /// As `list`; gives the numbers and partitions of rows that nobody else takes now.
    pub(super) select: &'static str,
    /// id.
    pub(super) open: &'static str,
    /// Numbers of rows.
    pub(super) put_back: &'static str,
    /// Numbers of rows.
    pub(super) remove: &'static str,
    /// Each partition, its owner and its epoch.
    pub(super) partitions: &'static str,
}

macro_rules! sqlite_filter {
    () => {
        "($1 IS NULL OR id = $1) AND ($2 IS NULL OR json_extract(properties, '$.kind') = $2) \
         AND ($3 IS NULL OR instr(lower(last_error), lower($3)) > 0) \
         AND ($4 IS NULL OR parked_at >= $4) AND ($5 IS NULL OR parked_at < $5)"
    };
}

macro_rules! sqlite_columns {
    () => {
        "seq, id, json_extract(properties, '$.kind') AS kind, exchange, routing_key, ordering_key, attempts, last_error, \
         created_at AS created, parked_at AS parked, length(body) AS size"
    };
}

pub(super) const SQLITE: Sql = Sql {
    list: concat!(
        "SELECT ",
        sqlite_columns!(),
        " FROM chassis_outbox_parked WHERE ",
        sqlite_filter!(),
        " ORDER BY parked_at, seq LIMIT $6"
    ),
    select: concat!("SELECT seq, part FROM chassis_outbox_parked WHERE ", sqlite_filter!(), " ORDER BY seq LIMIT $6"),
    open: concat!(
        "SELECT ",
        sqlite_columns!(),
        ", properties, headers, body FROM chassis_outbox_parked WHERE id = $1 ORDER BY seq LIMIT 1"
    ),
    put_back: "INSERT INTO chassis_outbox \
        (seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, created_at, expires_at) \
        SELECT seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, created_at, expires_at \
        FROM chassis_outbox_parked WHERE seq IN (SELECT value FROM json_each($1))",
    remove: "DELETE FROM chassis_outbox_parked WHERE seq IN (SELECT value FROM json_each($1))",
    partitions: "SELECT part, CASE WHEN expires_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) THEN owner END AS owner, epoch \
        FROM chassis_outbox_lease ORDER BY part",
};

macro_rules! postgres_filter {
    () => {
        "($1::text IS NULL OR id::text = $1::text) AND ($2::text IS NULL OR properties->>'kind' = $2::text) \
         AND ($3::text IS NULL OR position(lower($3::text) IN lower(last_error)) > 0) \
         AND ($4::bigint IS NULL OR parked_at >= to_timestamp($4::bigint / 1000.0)) \
         AND ($5::bigint IS NULL OR parked_at < to_timestamp($5::bigint / 1000.0))"
    };
}

macro_rules! postgres_columns {
    () => {
        "seq, id::text AS id, properties->>'kind' AS kind, exchange, routing_key, ordering_key, attempts, last_error, \
         (extract(epoch FROM created_at) * 1000)::bigint AS created, \
         (extract(epoch FROM parked_at) * 1000)::bigint AS parked, length(body)::bigint AS size"
    };
}

pub(super) const POSTGRES: Sql = Sql {
    list: concat!(
        "SELECT ",
        postgres_columns!(),
        " FROM chassis_outbox_parked WHERE ",
        postgres_filter!(),
        " ORDER BY parked_at, seq LIMIT $6"
    ),
    select: concat!(
        "SELECT seq, part FROM chassis_outbox_parked WHERE ",
        postgres_filter!(),
        " ORDER BY seq LIMIT $6 FOR UPDATE SKIP LOCKED"
    ),
    open: concat!(
        "SELECT ",
        postgres_columns!(),
        ", properties::text AS properties, headers::text AS headers, body \
         FROM chassis_outbox_parked WHERE id::text = $1 ORDER BY seq LIMIT 1"
    ),
    put_back: "INSERT INTO chassis_outbox \
        (seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, created_at, expires_at) \
        OVERRIDING SYSTEM VALUE \
        SELECT seq, id, part, ordering_key, exchange, routing_key, properties, headers, body, created_at, expires_at \
        FROM chassis_outbox_parked WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)::bigint))",
    remove: "DELETE FROM chassis_outbox_parked \
        WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)::bigint))",
    partitions: "SELECT part, CASE WHEN expires_at > clock_timestamp() THEN owner END AS owner, epoch \
        FROM chassis_outbox_lease ORDER BY part",
};
