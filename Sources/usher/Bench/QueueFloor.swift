internal import Postgres

/// A hand-written loop that works a queue off with nothing but SQL: what the machine allows.
struct QueueFloor: Sendable {
    let name: String
    /// Jobs per claim.
    let batch: Int
    /// Makes and fills its tables; `$jobs` stands for how many.
    private let fill: String
    private let loop: String

    struct Result: Sendable {
        let rate: Double
        let usage: ServerUsage
        let jobs: Int
    }

    /// Works off `jobs` of its own with four connections; nil without `pgbench`.
    func measure(_ jobs: Int, in place: BenchPlace) async throws -> Result? {
        guard let pgbench = place.pgbench else { return nil }
        return try await place.leastDisturbed(by: { $0.usage }) { try await once(jobs, pgbench, in: place) }
    }

    private func once(_ jobs: Int, _ pgbench: Pgbench, in place: BenchPlace) async throws -> Result {
        try await place.withFloorSchema { postgres in
            try await postgres.simple(fill.replacing("$jobs", with: "\(jobs)"))
            try await place.settle(pgbench.schema)
            let before = try await place.meter.read()
            let result = try await pgbench.run(loop, clients: 4, .transactions(jobs / batch))
            let usage = try await place.meter.read() - before
            let done = result.transactions * batch
            return Result(rate: result.rate * Double(batch), usage: usage, jobs: done)
        }
    }

    /// The loops of these names.
    static func named(_ names: [String], for path: String) throws -> [Self] {
        try names.flatMap { name -> [Self] in
            switch name {
            case "same_work": [.sameWork(batch: 100), .sameWork(batch: 500)]
            case "upd_del": [.updateThenDelete(batch: 100)]
            case "del1": [.delete(batch: 100)]
            case "none": []
            default:
                throw UsageError(
                    command: path,
                    message: "--floors names same_work, upd_del, del1 or none, not \"\(name)\""
                )
            }
        }
    }

    /// The same durable work that the engine does: a narrow row claimed by deleting it, a wide one read, one row per
    /// claimed batch, and one per finished batch in its place.
    static func sameWork(batch: Int) -> Self {
        Self(
            name: "same_work_\(batch)",
            batch: batch,
            fill: """
                CREATE TABLE floor_ready (rank bigint, job_id bigint, PRIMARY KEY (rank, job_id));
                CREATE TABLE floor_jobs (
                    id bigint PRIMARY KEY, name text NOT NULL, queue text NOT NULL, input jsonb NOT NULL,
                    created_at timestamptz NOT NULL DEFAULT now()
                );
                CREATE TABLE floor_claims (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_ids bigint[] NOT NULL
                );
                CREATE TABLE floor_closures (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_ids bigint[] NOT NULL,
                    closed_at timestamptz NOT NULL DEFAULT now()
                );
                INSERT INTO floor_jobs (id, name, queue, input)
                SELECT n, 'bench.noop', 'bench', jsonb_build_object('n', n) FROM generate_series(1, $jobs) n;
                INSERT INTO floor_ready SELECT n, n FROM generate_series(1, $jobs) n;
                """,
            loop: """
                WITH picked AS MATERIALIZED (
                    SELECT ctid AS place, job_id FROM floor_ready
                    ORDER BY rank, job_id LIMIT \(batch) FOR UPDATE SKIP LOCKED
                ), gone AS (
                    DELETE FROM floor_ready WHERE ctid = ANY (ARRAY(SELECT place FROM picked)) RETURNING job_id
                ), loaded AS MATERIALIZED (
                    SELECT j.id, j.name, j.queue, j.input, j.created_at
                    FROM floor_jobs j JOIN gone g ON g.job_id = j.id
                ), noted AS (
                    INSERT INTO floor_claims (job_ids) SELECT array_agg(id) FROM loaded HAVING count(*) > 0
                    RETURNING id
                )
                SELECT coalesce((SELECT id FROM noted), 0) AS claim, coalesce(array_agg(id), '{}') AS ids,
                    count(input) AS n FROM loaded \\gset
                WITH gone AS (DELETE FROM floor_claims WHERE id = :claim::bigint)
                INSERT INTO floor_closures (job_ids) VALUES (:ids::bigint[]);

                """
        )
    }

    /// One table, a claim that updates and an end that deletes: the loop peers' figures are held against.
    static func updateThenDelete(batch: Int) -> Self {
        Self(
            name: "upd_del_\(batch)",
            batch: batch,
            fill: oneTable,
            loop: """
                WITH c AS (SELECT id FROM q WHERE state = 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT \(batch)),
                u AS (UPDATE q SET state = 1, attempt = attempt + 1, started_at = now() FROM c WHERE q.id = c.id
                    RETURNING q.id, q.payload)
                SELECT coalesce(array_agg(id), '{}') AS ids, count(payload) AS n FROM u \\gset
                DELETE FROM q WHERE id = ANY(:ids::bigint[]);

                """
        )
    }

    /// One table and one statement that deletes what it takes: nothing is left if the worker dies.
    static func delete(batch: Int) -> Self {
        Self(
            name: "del1_\(batch)",
            batch: batch,
            fill: oneTable,
            loop: """
                WITH c AS (SELECT id FROM q WHERE state = 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT \(batch)),
                u AS (DELETE FROM q USING c WHERE q.id = c.id RETURNING q.id, q.payload)
                SELECT coalesce(array_agg(id), '{}') AS ids, count(payload) AS n FROM u \\gset

                """
        )
    }

    private static let oneTable = """
        CREATE TABLE q (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state smallint NOT NULL DEFAULT 0,
            attempt smallint NOT NULL DEFAULT 0, queue text NOT NULL DEFAULT 'default',
            run_at timestamptz NOT NULL DEFAULT now(), started_at timestamptz, done_at timestamptz,
            payload jsonb NOT NULL
        );
        CREATE INDEX q_ready ON q (id) WHERE state = 0;
        INSERT INTO q (payload) SELECT jsonb_build_object('n', i) FROM generate_series(1, $jobs) i;
        """
}
