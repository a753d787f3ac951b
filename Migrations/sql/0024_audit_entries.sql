-- Every override by a person, chained: each row's hash covers the one before, so that a row can't be changed or
-- dropped unnoticed. One chain per on-sale, written under its row lock; chain 0 belongs to no on-sale.
CREATE TABLE audit_entries (
    on_sale_id   bigint      NOT NULL,
    ordinal      integer     NOT NULL,
    recorded_at  timestamptz NOT NULL,
    actor        text        NOT NULL,
    action       text        NOT NULL,
    detail       text        NOT NULL,  -- JSON; kept as text, because the hash is of its bytes
    hash         bytea       NOT NULL,
    PRIMARY KEY (on_sale_id, ordinal)
);

-- SHA-256 of the previous hash and the row's fields, each after its length.
CREATE FUNCTION audit_hash(
    previous bytea, on_sale_id bigint, ordinal integer, recorded_at timestamptz, actor text, action text, detail text
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(previous || convert_to(concat_ws(E'\n',
        on_sale_id, ordinal, (extract(epoch FROM recorded_at) * 1000000)::bigint,
        octet_length(actor), actor, octet_length(action), action, detail), 'UTF8'))
$$;
