import Foundation
import HTTP
import Reactor
import TestSupport
import Testing

@testable import BoxOffice
@testable import usher

/// The channel to a provider, against one that throttles and fails.
@Suite(.timeLimit(.minutes(5)))
struct PostboxTests {
    private func withPostbox(
        _ behaviour: PostboxDesk.Behaviour,
        _ body: (HTTPMessageChannel, () -> PostboxDesk) async throws -> Void
    ) async throws {
        let desk = Lock(PostboxDesk(behaviour: behaviour, apiKey: "key"))
        let server = HTTPServer(loops: try TestLoops.shared.get()) { request in
            // Every request is a second of its own, so that nothing here depends on the clock.
            .now(desk.withLock { $0.handle(request, second: Int64($0.requests) / 2) })
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/messages"))
        let outcome: Result<Void, any Error>
        do {
            let channel = HTTPMessageChannel(url: url, apiKey: "key")
            outcome = .success(try await body(channel) { desk.withLock { $0 } })
        } catch {
            outcome = .failure(error)
        }
        await server.drain(deadline: .zero)
        try outcome.get()
    }

    private func letter(_ id: Int64, to address: String = "ada@example.org") -> Letter {
        Letter(id: id, to: address, subject: "s", body: "text \(id)", unsubscribe: "")
    }

    @Test func `What is throttled or fails is worth another try, and comes once`() async throws {
        let behaviour = PostboxDesk.Behaviour(perSecond: 1, failureRate: 0.3, seed: 7)
        try await withPostbox(behaviour) { channel, desk in
            var tries = 0
            for id in 1...40 {
                while true {
                    tries += 1
                    do {
                        try await channel.send(letter(Int64(id)))
                        break
                    } catch is ProviderBusy { continue }
                }
            }
            let books = desk()
            #expect(books.taken.map(\.text) == (1...40).map { "text \($0)" })
            #expect(books.taken.allSatisfy { $0.times == 1 })
            #expect(books.failed > 0 && books.throttled > 0)
            #expect(tries == 40 + books.failed + books.throttled)
        }
    }

    @Test func `What is refused is refused for good, and a repetition is known by its key`() async throws {
        try await withPostbox(.init()) { channel, desk in
            await #expect(throws: MessageRefused.self) {
                try await channel.send(letter(1, to: "refused@example.org"))
            }
            for _ in 0..<2 { try await channel.send(letter(2)) }
            #expect(desk().taken.map(\.times) == [2])
        }
    }
}
