-- Chains that belong to no on-sale have no on-sale row to lock, so they have one here. It also counts the entries:
-- a chain that lost its last ones is still whole in itself.
CREATE TABLE audit_chains (
    on_sale_id  bigint  NOT NULL PRIMARY KEY,
    entries     integer NOT NULL DEFAULT 0
);
-- What operators do.
INSERT INTO audit_chains (on_sale_id) VALUES (0);
