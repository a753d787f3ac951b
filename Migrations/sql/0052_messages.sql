-- How a place's buyer wants to be told, and that they agreed to it. The only place where an address is kept in the
-- clear; upkeep deletes it thirty days after the on-sale is over.
CREATE TABLE contacts (
    on_sale_id       bigint      NOT NULL,
    arrival          bigint      NOT NULL,
    channel          text        NOT NULL COLLATE "C" CHECK (channel IN ('email', 'sms')),
    address          text        NOT NULL,
    locale           text        NOT NULL COLLATE "C",
    agreed_at        timestamptz NOT NULL,
    unsubscribed_at  timestamptz,
    PRIMARY KEY (on_sale_id, arrival)
) WITH (fillfactor = 90);

-- What promoters and operators made of the built-in texts. The latest version is used; older ones stay, because a
-- notification names the version that it was made of.
CREATE TABLE message_templates (
    kind        text        NOT NULL COLLATE "C",
    channel     text        NOT NULL COLLATE "C",
    locale      text        NOT NULL COLLATE "C",
    version     integer     NOT NULL CHECK (version > 0),
    subject     text        NOT NULL,
    body        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    PRIMARY KEY (kind, channel, locale, version)
);

-- The on-sale that it is about, and the place whose buyer is told; the channel and the text, once they are chosen.
ALTER TABLE notifications
    ADD COLUMN on_sale_id bigint,
    ADD COLUMN arrival    bigint,
    ADD COLUMN channel    text COLLATE "C",
    ADD COLUMN template   text;

-- What operators look through.
CREATE INDEX notifications_failed ON notifications (id) WHERE state = 'failed';
