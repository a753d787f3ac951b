import HTTP
import Postgres
import TestSupport
import Testing

@testable import EventLog

/// The sink against what stands in for Kafka's proxy, which takes nothing that the contract doesn't allow.
@Suite("The Kafka bridge's sink", .timeLimit(.minutes(5)))
struct KafkaSinkTests {
    private func facts(_ range: ClosedRange<Int64>) -> [Fact] {
        range.map {
            Fact(
                seq: $0,
                onSale: $0 % 4,
                kind: "reservation.held",
                version: 1,
                data: JSONB(text: #"{"n": \#($0), "who": "\#u{1F3AB} \"ö\""}"#),
                recordedAt: PostgresTimestamp(microseconds: 1_800_000_000_000_000 + $0)
            )
        }
    }

    private func with(
        _ standIn: KafkaStandIn,
        topic: String = "facts",
        _ change: (inout KafkaSink.Settings) -> Void = { _ in },
        _ body: (KafkaSink) async throws -> Void
    ) async throws {
        let client = HTTPClient(loops: try TestLoops.shared.get())
        var settings = KafkaSink.Settings(
            proxy: HTTPEndpoint(host: "127.0.0.1", port: standIn.port),
            topic: topic
        )
        settings.firstBackoff = .milliseconds(1)
        settings.longestBackoff = .milliseconds(5)
        change(&settings)
        try await body(KafkaSink(settings, client: client) { "os_\($0)" })
        await client.shutdown()
    }

    private func order(_ range: ClosedRange<Int64>) -> [String: [Int64]] {
        Dictionary(grouping: range) { "os_\($0 % 4)" }
    }

    @Test func `each fact is a record of its on-sale, with its event`() async throws {
        try await KafkaStandIn.with { standIn in
            try await with(standIn) { try await $0.tell(facts(1...20)) }
            #expect(standIn.topics.complaints.isEmpty)
            #expect(standIn.topics.records.count == 20)
            #expect(standIn.topics.firsts == order(1...20))
            let first = try #require(standIn.topics.records.first)
            #expect(first.value["type"]?.string == "usher.reservation.held.v1")
            #expect(first.value["data"]?["who"]?.string == "\u{1F3AB} \"ö\"")
            for partition in 0..<3 {
                let offsets = standIn.topics.records.filter { $0.partition == partition }.map(\.offset)
                #expect(offsets == Array(0..<offsets.count))
            }
        }
    }

    @Test(arguments: 0..<10)
    func `whatever fails for a while, nothing is missed and no key is turned round`(
        _ number: Int
    ) async throws {
        let seed = (testSetting("USHER_SEED") ?? 1) &+ UInt64(number)
        try await KafkaStandIn.with { standIn in
            standIn.topics.fail { request, records in
                var dice = TestDice(seed: seed, stream: request)
                switch Int.random(in: 0..<12, using: &dice) {
                case 0: return .status(503, code: 50_003)
                case 1: return .statusOnceWritten(500, code: 50_002)
                case 2, 3, 4:
                    let places = (0..<records).filter { _ in Bool.random(using: &dice) }
                    return .records(Set(places), code: 2)
                case 5 where request % 4 == 0: return .silence
                default: return nil
                }
            }
            try await with(standIn, { $0.timeout = .seconds(1) }) { sink in
                try await sink.tell(facts(1...40))
                try await sink.tell(facts(41...60))
            }
            #expect(standIn.topics.complaints.isEmpty, "seed \(seed)")
            #expect(standIn.topics.firsts == order(1...60), "seed \(seed)")
        }
    }

    @Test func `with more of a key in a request, what ends up last is in order`() async throws {
        try await KafkaStandIn.with { standIn in
            standIn.topics.fail { request, _ in request == 1 ? .records([0, 5], code: 2) : nil }
            try await with(standIn, { $0.recordsPerKey = 100 }) { try await $0.tell(facts(1...16)) }
            #expect(standIn.topics.requests == 2)
            let lasts = Dictionary(grouping: standIn.topics.records, by: \.key).mapValues { $0.map(\.id) }
            // 1 is of os_1, 6 of os_2.
            #expect(lasts["os_1"] == [5, 9, 13, 1, 5, 9, 13])
            #expect(lasts["os_2"] == [2, 10, 14, 6, 10, 14])
            #expect(lasts["os_3"] == [3, 7, 11, 15])
        }
    }

    @Test func `what will never be taken is said at once`() async throws {
        try await KafkaStandIn.with { standIn in
            try await with(standIn, topic: "nowhere") { sink in
                let problem = await #expect(throws: KafkaProblem.self) { try await sink.tell(facts(1...1)) }
                #expect(
                    problem?.description == "the proxy answered 404 (40401): no topic /topics/nowhere"
                )
            }
            standIn.topics.fail { _, _ in .records([0], code: 1) }
            try await with(standIn) { sink in
                let problem = await #expect(throws: KafkaProblem.self) { try await sink.tell(facts(1...1)) }
                #expect(problem?.description == "a record of os_1 was refused: as it was told (1)")
            }
            standIn.topics.fail { _, _ in .answer(#"{"offsets":[]}"#) }
            try await with(standIn) { sink in
                await #expect(throws: KafkaProblem.self) { try await sink.tell(facts(1...1)) }
            }
            #expect(standIn.topics.records.isEmpty)
        }
        try await KafkaStandIn.with(authorization: "Basic dTpw") { standIn in
            try await with(standIn) { sink in
                await #expect(throws: KafkaProblem.self) { try await sink.tell(facts(1...1)) }
            }
            try await with(standIn, { $0.authorization = "Basic dTpw" }) { try await $0.tell(facts(1...1)) }
            #expect(standIn.topics.records.count == 1)
        }
    }

    @Test func `a sink whose task is cancelled gives up, also while the proxy is silent`() async throws {
        try await KafkaStandIn.with { standIn in
            standIn.topics.fail { _, _ in .silence }
            try await with(standIn) { sink in
                let telling = Task { try await sink.tell(facts(1...1)) }
                await standIn.topics.wait { $0.count == 1 }
                telling.cancel()
                await #expect(throws: CancellationError.self) { try await telling.value }
            }
        }
    }
}
