internal import Postgres

/// The floor under holds: the rows that a batch of holds must write and the conditional update of the tier's books, by
/// nothing but SQL, two batches at a time as a gateway makes them.
enum HoldFloor {
    /// Holds per second of one ticket each; nil without `pgbench`.
    static func standing(_ holds: Int, batch: Int, in place: BenchPlace) async throws -> Double? {
        try await measure(holds, batch, tables(seats: 0), loop(batch, quantity: 1, seats: ""), in: place)
    }

    /// Holds per second of two seats each that are known beforehand: nobody looks for them; nil without `pgbench`.
    static func seated(_ holds: Int, batch: Int, in place: BenchPlace) async throws -> Double? {
        let seats = """
            UPDATE seats SET state = 'held', reservation_id = seat WHERE on_sale_id = 1 AND seat IN (
                SELECT seat FROM seats WHERE on_sale_id = 1 AND seat > (:base - 1) * \(2 * batch)
                    AND seat <= :base * \(2 * batch) AND state = 'free' ORDER BY seat FOR NO KEY UPDATE SKIP LOCKED);
            """
        return try await measure(
            holds,
            batch,
            tables(seats: 2 * holds + 4 * batch),
            loop(batch, quantity: 2, seats: seats),
            in: place
        )
    }

    private static func measure(
        _ holds: Int,
        _ batch: Int,
        _ tables: String,
        _ loop: String,
        in place: BenchPlace
    ) async throws -> Double? {
        guard let pgbench = place.pgbench else { return nil }
        return try await place.withFloorSchema { postgres in
            try await postgres.simple(tables)
            try await place.settle(pgbench.schema)
            return try await pgbench.run(loop, clients: 2, .transactions(max(2, holds / batch))).rate
                * Double(batch)
        }
    }

    private static func tables(seats: Int) -> String {
        """
        CREATE SEQUENCE batches;
        CREATE SEQUENCE ids CACHE 100;
        CREATE TABLE tiers (
            on_sale_id bigint, id text COLLATE "C", free integer NOT NULL CHECK (free >= 0), held integer NOT NULL,
            PRIMARY KEY (on_sale_id, id)
        ) WITH (fillfactor = 50);
        INSERT INTO tiers VALUES (1, 'floor', 100000000, 0);
        CREATE TABLE reservations (
            id bigint PRIMARY KEY, on_sale_id bigint NOT NULL, admission_id bigint NOT NULL,
            tier text NOT NULL COLLATE "C", quantity integer NOT NULL, seats integer[] NOT NULL, total bigint NOT NULL,
            currency text NOT NULL, state text NOT NULL COLLATE "C", expires_at timestamptz NOT NULL,
            hold_ends_at timestamptz NOT NULL, held_at timestamptz NOT NULL
        ) WITH (fillfactor = 60);
        CREATE INDEX ON reservations (on_sale_id, admission_id);
        CREATE TABLE seats (
            on_sale_id bigint, seat integer, state text NOT NULL COLLATE "C", reservation_id bigint,
            PRIMARY KEY (on_sale_id, seat)
        ) WITH (fillfactor = 60);
        INSERT INTO seats SELECT 1, n, 'free' FROM generate_series(1, \(seats)) n;
        """
    }

    private static func loop(_ batch: Int, quantity: Int, seats: String) -> String {
        """
        SELECT nextval('batches') AS base \\gset
        BEGIN;
        \(seats)
        INSERT INTO reservations
        SELECT i, 1, i, 'floor', \(quantity), '{}', 3000, 'EUR', 'held', now(), now(), now()
        FROM (SELECT nextval('ids') AS i FROM generate_series(1, \(batch))) n;
        UPDATE tiers SET free = free - \(batch * quantity), held = held + \(batch * quantity)
        WHERE on_sale_id = 1 AND id = 'floor' AND free >= \(batch * quantity);
        COMMIT;

        """
    }
}
