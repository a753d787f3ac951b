-- Where a section is best: the row, and how far aside of that row's middle, in half seats so that it stays a whole
-- number. Without another word from the promoter it is the middle of the front row.
ALTER TABLE sections
    ADD COLUMN focus_row    integer NOT NULL DEFAULT 0 CHECK (focus_row >= 0),
    ADD COLUMN focus_aside  integer NOT NULL DEFAULT 0;

-- Twice the middle of the seat's row, from the first number to the last: with it, who looks for free seats has no need
-- to read the others.
ALTER TABLE seats ADD COLUMN row_middle integer NOT NULL DEFAULT 0;
UPDATE seats s SET row_middle = r.middle
FROM (
    SELECT on_sale_id, section, row_number, min(position) + max(position) AS middle FROM seats
    GROUP BY on_sale_id, section, row_number
) AS r
WHERE s.on_sale_id = r.on_sale_id AND s.section = r.section AND s.row_number = r.row_number;
