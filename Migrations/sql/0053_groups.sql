-- Whom a sale goes to first. Ordinal 0 is the public and has no row.
CREATE TABLE groups (
    on_sale_id     bigint   NOT NULL,
    ordinal        smallint NOT NULL CHECK (ordinal > 0),
    id             text     NOT NULL COLLATE "C",
    name           text     NOT NULL,
    priority       smallint NOT NULL CHECK (priority BETWEEN 1 AND 9),  -- the lower is drawn first; the public is 10
    max_per_buyer  integer  CHECK (max_per_buyer > 0),
    PRIMARY KEY (on_sale_id, ordinal),
    UNIQUE (on_sale_id, id)
);

-- Codes that make their first user a member of a group. What is kept of one is a keyed hash.
CREATE TABLE presale_codes (
    on_sale_id     bigint      NOT NULL,
    code           bytea       NOT NULL CHECK (length(code) = 16),
    group_ordinal  smallint    NOT NULL,
    buyer          bytea       CHECK (length(buyer) = 16),  -- who used it
    created_at     timestamptz NOT NULL,
    used_at        timestamptz,
    revoked_at     timestamptz,
    PRIMARY KEY (on_sale_id, code),
    CONSTRAINT presale_codes_used CHECK ((buyer IS NULL) = (used_at IS NULL)),
    CONSTRAINT presale_codes_revoked CHECK (used_at IS NULL OR revoked_at IS NULL)
) WITH (fillfactor = 80);

-- Proven buyers who are members without a code.
CREATE TABLE invitations (
    on_sale_id     bigint      NOT NULL,
    buyer          bytea       NOT NULL CHECK (length(buyer) = 16),
    group_ordinal  smallint    NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (on_sale_id, buyer)
);

ALTER TABLE on_sales ADD COLUMN invitation_only boolean NOT NULL DEFAULT false;
ALTER TABLE places ADD COLUMN group_ordinal smallint NOT NULL DEFAULT 0;
-- Fixed when the place comes in, so that a hold has to look nowhere else.
ALTER TABLE admissions
    ADD COLUMN group_ordinal smallint NOT NULL DEFAULT 0,
    ADD COLUMN max_per_buyer integer;
-- A tier that only some groups may buy of; empty is everybody. It opens to all by a transition, when its time has come.
ALTER TABLE tiers
    ADD COLUMN only_for  smallint[] NOT NULL DEFAULT '{}',
    ADD COLUMN public_at timestamptz,
    ADD CONSTRAINT tiers_opening CHECK (public_at IS NULL OR cardinality(only_for) > 0);
-- The priority of each entry, a byte each in order of arrival; fixed with the root, null without groups.
ALTER TABLE draws ADD COLUMN priorities bytea;
