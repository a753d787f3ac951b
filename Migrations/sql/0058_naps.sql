-- How often the tick of a sold-out on-sale has gone to sleep: whoever wakes it names the nap. Written under the lock of
-- the tick's run, and read under it.
ALTER TABLE on_sales ADD COLUMN naps integer NOT NULL DEFAULT 0;
