-- What a recurring workflow's runs are pinned to, and how long each may take.
ALTER TABLE schedules ADD COLUMN code_version integer;
ALTER TABLE schedules ADD COLUMN run_timeout interval;
