-- Finds the rows that are old enough to be deleted. Both columns never change, so updates stay on the page, and
-- new rows come at the right end of the index.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX notifications_by_age ON notifications (created_at);
