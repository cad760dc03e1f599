CREATE TABLE categories (
    slug     TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    name     TEXT NOT NULL,
    blurb    TEXT NOT NULL
);

CREATE TABLE products (
    sku             TEXT NOT NULL PRIMARY KEY,
    position        BIGINT NOT NULL,
    category        TEXT NOT NULL REFERENCES categories (slug),
    name            TEXT NOT NULL,
    blurb           TEXT NOT NULL,
    description     TEXT NOT NULL,
    facts           TEXT NOT NULL,               -- one a line
    label           TEXT NOT NULL,               -- empty where there is none
    price           BIGINT NOT NULL CHECK (price >= 0),
    currency        TEXT NOT NULL,
    picture_kind    TEXT NOT NULL,
    picture_palette TEXT NOT NULL,
    picture_variant BIGINT NOT NULL,
    words           TEXT NOT NULL                -- what a search looks at, in lower case
);

CREATE INDEX products_by_category ON products (category, position);
