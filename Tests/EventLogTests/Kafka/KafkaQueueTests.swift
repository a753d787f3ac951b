import HTTP
import TestSupport
import Testing

@testable import EventLog

@Suite("Records for Kafka", .timeLimit(.minutes(5)))
struct KafkaQueueTests {
    private func record(_ key: String, _ number: Int, bytes: Int = 4) -> KafkaRecord {
        KafkaRecord(key: key, value: Array("\(number)".utf8) + Array(repeating: 32, count: bytes))
    }

    private func numbers(_ records: [KafkaRecord]) -> [Int] {
        records.map { Int(String(decoding: $0.value.prefix { $0 != 32 }, as: UTF8.self)) ?? -1 }
    }

    @Test func `a request has the first record of each key, and what failed goes first`() {
        var queue = KafkaQueue(
            [record("a", 1), record("a", 2), record("b", 3), record("c", 4), record("b", 5)],
            perKey: 1
        )
        #expect(numbers(queue.next(count: 9, bytes: 999)) == [1, 3, 4])
        queue.settle([false, true, true])
        #expect(numbers(queue.next(count: 9, bytes: 999)) == [1, 5])
        queue.settle([true, false])
        #expect(numbers(queue.next(count: 9, bytes: 999)) == [2, 5])
        queue.settle([true, true])
        #expect(queue.isEmpty && queue.next(count: 9, bytes: 999).isEmpty)
    }

    @Test func `with more of a key, those behind a failed one are written again`() {
        var queue = KafkaQueue(
            [record("a", 1), record("a", 2), record("a", 3), record("b", 4), record("a", 5)],
            perKey: 3
        )
        #expect(numbers(queue.next(count: 9, bytes: 999)) == [1, 2, 3, 4])
        queue.settle([true, false, true, true])
        #expect(numbers(queue.next(count: 9, bytes: 999)) == [2, 3, 5])
    }

    @Test func `a request is no larger than it may be, but for one record that is`() {
        var queue = KafkaQueue((0..<5).map { record("\($0)", $0, bytes: 99) }, perKey: 1)
        #expect(numbers(queue.next(count: 3, bytes: 9_999)) == [0, 1, 2])
        queue.settle([true, true, true])
        #expect(numbers(queue.next(count: 3, bytes: 150)) == [3])
        queue.settle([true])
        #expect(numbers(queue.next(count: 3, bytes: 1)) == [4])
    }

    @Test(arguments: 0..<50)
    func `whatever fails, each key's records are first written in their order`(_ number: Int) {
        let seed = (testSetting("USHER_SEED") ?? 1) &+ UInt64(number)
        var dice = TestDice(seed: seed)
        let records = (0..<60).map { record("\(Int.random(in: 0..<5, using: &dice))", $0) }
        var queue = KafkaQueue(records, perKey: 1)
        var written: [String: [Int]] = [:]
        while !queue.isEmpty {
            let batch = queue.next(count: 4, bytes: 999)
            let fates = batch.map { _ in Int.random(in: 0..<3, using: &dice) > 0 }
            for (record, isWritten) in zip(batch, fates) where isWritten {
                written[record.key, default: []] += numbers([record])
            }
            queue.settle(fates)
        }
        for (key, list) in written { #expect(list == list.sorted(), "seed \(seed), key \(key)") }
        #expect(written.values.reduce(0) { $0 + $1.count } == 60)
    }

    @Test(
        arguments: [
            (
                200,
                #"{"offsets":[{"partition":1,"offset":7,"error_code":null,"error":null},{"partition":null,"offset":null,"error_code":2,"error":"busy"},{"error_code":1,"error":"too large"}]}"#,
                KafkaAnswer.fates([.written, .postponed("busy (2)"), .refused("too large (1)")])
            ),
            (
                200, #"{"offsets":[]}"#,
                .refused("the proxy answered for 0 records to 3")
            ),
            (
                200, #"{"value":1}"#,
                .refused("the proxy's answer has no offsets: it doesn't speak version 2 of the API")
            ),
            (
                404, #"{"error_code":40401,"message":"Topic not found."}"#,
                .refused("the proxy answered 404 (40401): Topic not found.")
            ),
            (
                404, #"{"error_code":40406,"message":"Leader not available."}"#,
                .failed("the proxy answered 404 (40406): Leader not available.")
            ),
            (503, "", .failed("the proxy answered 503")),
            (
                500, #"{"error_code":50002,"message":"Kafka error"}"#,
                .failed("the proxy answered 500 (50002): Kafka error")
            ),
            (429, "slow down", .failed("the proxy answered 429")),
        ] as [(Int, String, KafkaAnswer)]
    )
    func `an answer is read as the contract has it`(_ status: Int, _ body: String, _ answer: KafkaAnswer) {
        #expect(KafkaAnswer(HTTPResponse(status: status, body: Array(body.utf8)), to: 3) == answer)
    }
}
