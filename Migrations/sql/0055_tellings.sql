-- What everyone in a line is told: times that moved, an on-sale that was called off, the draw's result. The on-sale
-- counts its tellings of changes, and what is left of an older one is dropped.
ALTER TABLE on_sales ADD COLUMN tellings integer NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN telling integer;
