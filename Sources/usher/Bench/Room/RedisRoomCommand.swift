internal import BoxOffice
internal import HTTP
internal import Reactor

/// `usher bench redis-room`: a waiting room as it is often made, in Redis, behind the same HTTP server as ours.
///
/// Buyers are members of a sorted set; the score is when they came. A buyer who asks again keeps the first score.
/// Nothing is signed: whoever knows the random id of a place may look at it. It answers with the same fields as ours,
/// as far as it knows them.
enum RedisRoomCommand {
    static let redis = Option("redis", .text("PATH"), help: "The Redis server's Unix socket")

    static let command = Command(
        "redis-room",
        "Run a waiting room in Redis for a bench to compare with",
        options: [.port, redis],
        isInternal: true,
        endsInOrder: true
    ) { invocation in
        let loops = try EventLoopGroup(count: 1, name: "redis-room")
        defer { loops.stop() }
        let loop = loops.next()
        let path = invocation.arguments.text(redis) ?? ""
        let redis = try await withCheckedThrowingContinuation { continuation in
            loop.execute { continuation.resume(with: Result { try RedisConnection(path: path, loop: loop) }) }
        }
        DescriptorLimit.raise()
        let server = HTTPServer(loops: loops) { answer($0, redis) }
        try await server.start(address: "127.0.0.1", port: invocation.arguments.number(.port) ?? 0)
        await invocation.stop.wait()
        await server.drain(deadline: .seconds(1))
    }

    private static func answer(_ request: HTTPRequest, _ redis: RedisConnection) -> Reply {
        let parts = request.path.split(separator: "/")
        switch (request.method, parts.count) {
        case (.post, 4):
            let key = String(parts[2])
            guard let secret = (try? JSONValue(parsing: request.body))?["secret"]?.string else { break }
            return .later { await join(key, secret, redis) }
        case (.get, 3):
            let place = String(parts[2])
            let token = request.headers["Authorization"]?.dropFirst("Bearer ".count)
            guard let token, token == place else { break }
            return .later { await look(place, redis) }
        case (.get, 1): return .now(HTTPResponse(status: 204))
        default: break
        }
        return .now(HTTPResponse(status: 404))
    }

    /// The room's key and the buyer's member; a place's id is both.
    private static func join(_ room: String, _ member: String, _ redis: RedisConnection) async -> HTTPResponse
    {
        await number(
            [
                ["ZADD", room, "NX", "\(MonotonicTime.now.nanoseconds / 1000)", member],
                ["ZRANK", room, member],
            ],
            of: "\(room).\(member)",
            status: 201,
            redis
        )
    }

    private static func look(_ place: String, _ redis: RedisConnection) async -> HTTPResponse {
        let parts = place.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return HTTPResponse(status: 404) }
        return await number([["ZRANK", parts[0], parts[1]]], of: place, status: 200, redis)
    }

    private static func number(
        _ commands: [[String]],
        of place: String,
        status: Int,
        _ redis: RedisConnection
    ) async -> HTTPResponse {
        do {
            guard let rank = try await redis.send(commands).last ?? nil else {
                return HTTPResponse(status: 404)
            }
            let body = JSONWriter.object { json in
                json.field("place", place)
                json.field("token", place)
                json.field("state", "waiting")
                json.field("number", rank + 1)
                json.field("ahead", rank)
                json.field("poll_after_ms", 5000)
            }
            return .json(body, status: status, headers: ["Cache-Control": "private, no-store"])
        } catch {
            return HTTPResponse(status: 503)
        }
    }
}
