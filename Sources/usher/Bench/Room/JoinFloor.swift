internal import Postgres

/// The floor under joins: the same batches by nothing but SQL, two at a time as a gateway makes them.
enum JoinFloor {
    private static let batch = 500

    /// Joins per second; nil without `pgbench`.
    static func measure(
        _ joins: Int,
        in place: BenchPlace
    ) async throws -> (rate: Double, usage: ServerUsage)? {
        guard let pgbench = place.pgbench else { return nil }
        return try await place.withFloorSchema { postgres in
            try await postgres.simple(tables)
            try await place.settle(pgbench.schema)
            let before = try await place.meter.read()
            let result = try await pgbench.run(loop, clients: 2, .transactions(max(2, joins / batch)))
            let usage = try await place.meter.read() - before
            return (result.rate * Double(batch), usage)
        }
    }

    private static let tables = """
        CREATE TABLE arrivals (on_sale_id bigint PRIMARY KEY, issued bigint NOT NULL, door text NOT NULL)
            WITH (fillfactor = 10);
        CREATE TABLE places (
            on_sale_id bigint NOT NULL, arrival bigint NOT NULL, id bytea NOT NULL, buyer bytea NOT NULL,
            joined_at timestamptz NOT NULL, number bigint, admitted_at timestamptz, left_at timestamptz,
            PRIMARY KEY (on_sale_id, arrival)
        );
        CREATE UNIQUE INDEX places_one_per_buyer ON places (on_sale_id, buyer);
        INSERT INTO arrivals VALUES (1, 0, 'open');
        """

    private static let loop = """
        WITH room AS (
            UPDATE arrivals SET issued = issued + \(batch) WHERE on_sale_id = 1 AND door = 'open'
            RETURNING issued - \(batch) AS base
        ), made AS MATERIALIZED (
            SELECT n, uuid_send(gen_random_uuid()) AS id, uuid_send(gen_random_uuid()) AS buyer
            FROM generate_series(1, \(batch)) n
        ), placed AS (
            INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at)
            SELECT 1, room.base + n, id, buyer, now() FROM room, made
            RETURNING arrival, buyer, id
        )
        SELECT count(*) FROM placed;

        """
}
