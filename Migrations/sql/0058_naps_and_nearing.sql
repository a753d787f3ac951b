ALTER TABLE on_sales
    -- How often the tick of a sold-out on-sale has gone to sleep: whoever wakes it names the nap. Written under the lock
    -- of the tick's run, and read under it.
    ADD COLUMN naps integer NOT NULL DEFAULT 0,
    -- The last number that was looked at for telling its holder that the turn is near.
    ADD COLUMN nearing bigint NOT NULL DEFAULT 0;
