-- Recurring jobs by cron expression, and what becomes of firings that were missed or would overlap.
ALTER TABLE schedules ALTER COLUMN every DROP NOT NULL;
ALTER TABLE schedules ADD COLUMN cron text;
ALTER TABLE schedules ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC';
ALTER TABLE schedules ADD COLUMN missed text NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once', 'all'));
ALTER TABLE schedules ADD COLUMN missed_limit integer NOT NULL DEFAULT 1 CHECK (missed_limit >= 1);
ALTER TABLE schedules ADD COLUMN may_overlap boolean NOT NULL DEFAULT true;
ALTER TABLE schedules ADD COLUMN instant_field text;
ALTER TABLE schedules ADD CONSTRAINT schedules_rhythm CHECK ((every IS NULL) <> (cron IS NULL));
