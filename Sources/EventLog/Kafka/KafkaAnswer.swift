internal import HTTP

/// What Kafka's HTTP proxy answered to a request to write records.
///
/// Source: Confluent REST Proxy API v2, `POST /topics/{topic_name}`.
enum KafkaAnswer: Sendable, Equatable {
    /// What became of one record.
    enum Fate: Sendable, Equatable {
        case written
        /// It may be written later.
        case postponed(String)
        /// It will never be.
        case refused(String)
    }

    /// Of each record, in the order of the request.
    case fates([Fate])
    /// Nothing is known to be written; the same may work later.
    case failed(String)
    /// The same will never work.
    case refused(String)

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - response: What came.
    ///   - count: How many records the request had.
    init(_ response: HTTPResponse, to count: Int) {
        let body = try? JSONValue(parsing: response.body)
        guard response.status == 200 else {
            let said = body?["message"]?.string.map { ": \($0)" } ?? ""
            let code = body?["error_code"]?.int.map { " (\($0))" } ?? ""
            let text = "the proxy answered \(response.status)\(code)\(said)"
            // Too slow, too early, too much, no leader at the moment, and everything that is its own trouble.
            let isPassing =
                response.status >= 500 || [408, 425, 429].contains(response.status)
                || body?["error_code"]?.int == 40_406
            self = isPassing ? .failed(text) : .refused(text)
            return
        }
        guard let offsets = body?["offsets"]?.array else {
            self = .refused("the proxy's answer has no offsets: it doesn't speak version 2 of the API")
            return
        }
        guard offsets.count == count else {
            self = .refused("the proxy answered for \(offsets.count) records to \(count)")
            return
        }
        self = .fates(offsets.map(Self.fate))
    }

    private static func fate(_ offset: JSONValue) -> Fate {
        guard let code = offset["error_code"]?.int else {
            return offset["offset"]?.int == nil
                ? .refused("an offset of the proxy's answer has neither a place nor an error") : .written
        }
        let text = "\(offset["error"]?.string ?? "no reason given") (\(code))"
        // 1 is an error that will come again, 2 is one that may not.
        return code == 1 ? .refused(text) : .postponed(text)
    }
}
