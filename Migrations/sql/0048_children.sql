-- Finds the children that a run leaves behind when it ends. A run's parent never changes, so updates stay HOT, and jobs
-- without a parent are not in it.
CREATE INDEX jobs_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
