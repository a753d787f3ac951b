-- Whom the waiting room takes: anyone with a secret of their own, or only buyers whom the promoter vouches for.
ALTER TABLE on_sales ADD COLUMN buyers text NOT NULL DEFAULT 'anonymous' COLLATE "C"
    CHECK (buyers IN ('anonymous', 'proven'));
