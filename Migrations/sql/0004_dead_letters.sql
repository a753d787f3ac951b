-- Why a job is a dead letter, and where it came from, so that finding some of them reads no job.
ALTER TABLE dead_letters
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN queue text NOT NULL DEFAULT '',
    ADD COLUMN kind text NOT NULL DEFAULT 'failed'
        CHECK (kind IN ('failed', 'discarded', 'timed_out', 'crashed', 'unreadable', 'unknown'));
UPDATE dead_letters d SET name = j.name, queue = j.home_queue FROM jobs j WHERE j.id = d.job_id;
ALTER TABLE dead_letters ALTER COLUMN name DROP DEFAULT, ALTER COLUMN queue DROP DEFAULT;
