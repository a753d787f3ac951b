internal import BoxOffice
internal import HTTP

/// The stand-in provider of e-mail and text messages without its sockets: a request in, a response out.
struct PostboxDesk: Sendable {
    /// How it behaves.
    struct Behaviour: Sendable {
        /// Messages that it takes in a second; the rest is told to come again.
        var perSecond: Int?
        /// The part of the requests that it answers with 503, from 0 to 1.
        var failureRate = 0.0
        /// Decides which requests fail, so that a run can be repeated.
        var seed: UInt64 = 1
    }

    /// What it took.
    struct Taken: Sendable, Equatable {
        let key: String
        let to: String
        let subject: String?
        let text: String
        /// How often the same message came.
        var times: Int
    }

    private(set) var taken: [Taken] = []
    private var byKey: [String: Int] = [:]
    private var second: Int64 = 0
    private var inSecond = 0
    private(set) var requests = 0
    private(set) var throttled = 0
    private(set) var failed = 0
    private let behaviour: Behaviour
    private let apiKey: String

    init(behaviour: Behaviour, apiKey: String) {
        self.behaviour = behaviour
        self.apiKey = apiKey
    }

    /// `POST /messages` takes one, `GET /messages` shows them all, `GET /healthz`.
    ///
    /// An address that begins with `refused` is refused for good.
    mutating func handle(_ request: HTTPRequest, second now: Int64) -> HTTPResponse {
        switch (request.method, request.path) {
        case (.get, "/healthz"): return .text("ok")
        case (.get, "/messages"): return .json(list())
        case (.post, "/messages"): return take(request, now)
        default: return .text("there is nothing at \(request.path)", status: 404)
        }
    }

    private mutating func take(_ request: HTTPRequest, _ now: Int64) -> HTTPResponse {
        guard request.headers["Authorization"] == "Bearer \(apiKey)" else {
            return .text("who?", status: 401)
        }
        guard let key = request.headers["Idempotency-Key"], let body = try? JSONValue(parsing: request.body),
            let to = body["to"]?.string, let text = body["text"]?.string
        else { return .text("needs an Idempotency-Key, to and text", status: 400) }
        requests += 1
        var dice = PSPDice(seed: behaviour.seed, reference: "\(key)/\(requests)")
        if dice.roll() < behaviour.failureRate {
            failed += 1
            return .text("not now", status: 503)
        }
        if now != second { (second, inSecond) = (now, 0) }
        if let most = behaviour.perSecond, inSecond >= most {
            throttled += 1
            return HTTPResponse(status: 429, headers: ["Retry-After": "1"])
        }
        inSecond += 1
        if to.hasPrefix("refused") { return .text("nobody of that name", status: 422) }
        if let index = byKey[key] {
            taken[index].times += 1
        } else {
            byKey[key] = taken.count
            taken.append(Taken(key: key, to: to, subject: body["subject"]?.string, text: text, times: 1))
        }
        return .json(Array("{}".utf8), status: 202)
    }

    private func list() -> [UInt8] {
        JSONWriter.object { json in
            json.field("throttled", throttled)
            json.field("failed", failed)
            json.array("messages") { list in
                for message in taken {
                    list.object { json in
                        json.field("key", message.key)
                        json.field("to", message.to)
                        json.field("subject", message.subject)
                        json.field("text", message.text)
                        json.field("times", message.times)
                    }
                }
            }
        }
    }
}
