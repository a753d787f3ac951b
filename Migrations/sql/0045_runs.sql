-- Finds paused runs. It has an entry for no other job, and what it holds changes only with a pause, so that updates of
-- jobs stay HOT.
CREATE INDEX jobs_paused ON jobs (id) WHERE paused;
