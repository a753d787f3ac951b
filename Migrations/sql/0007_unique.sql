-- Unique jobs. A key is taken at enqueue and held until the job starts, until it ends, while its row is kept, or until
-- expires_at, whichever it was enqueued with and whichever comes first. What must give its key back says so in its own
-- row, so that the many that need not are not looked at again.
ALTER TABLE job_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE jobs ADD COLUMN key_until_start text;
ALTER TABLE jobs ADD COLUMN key_until_end text;
