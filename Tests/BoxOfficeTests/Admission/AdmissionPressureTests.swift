@testable import BoxOffice
import Postgres
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct AdmissionPressureTests {
    private let start = PostgresTimestamp(microseconds: 1_000_000_000)
    private let bad: [AdmissionPressure.Signal: Double] = [.holdLatency: 4, .poolWait: 0.1]
    private let good: [AdmissionPressure.Signal: Double] = [.holdLatency: 0.2, .errors: 0]

    @Test func `it falls at once, and not again for a few seconds`() {
        var pressure = AdmissionPressure.none.following(bad, now: start)
        #expect(pressure.factor == 0.7 && pressure.reason == .holdLatency)
        for second in 1..<5 { pressure = pressure.following(bad, now: start + .seconds(second)) }
        #expect(pressure.factor == 0.7)
        pressure = pressure.following([.errors: 0.5, .holdLatency: 2.1], now: start + .seconds(5))
        #expect(abs(pressure.factor - 0.49) < 1e-9 && pressure.reason == .errors)
        for step in 2..<40 { pressure = pressure.following(bad, now: start + .seconds(5 * step)) }
        #expect(pressure.factor == AdmissionPressure.least)
    }

    @Test func `it rises slowly, and only after a calm`() {
        var pressure = AdmissionPressure.none.following(bad, now: start)
        // Just within its bound is not calm.
        for second in stride(from: 5, through: 60, by: 5) {
            pressure = pressure.following([.holdLatency: 1.9], now: start + .seconds(second))
        }
        #expect(pressure.factor == 0.7)
        for second in stride(from: 61, to: 90, by: 1) {
            pressure = pressure.following(good, now: start + .seconds(second))
        }
        #expect(pressure.factor == 0.7)
        pressure = pressure.following(good, now: start + .seconds(90))
        #expect(abs(pressure.factor - 0.721) < 1e-9 && pressure.reason == .holdLatency)
        for second in stride(from: 91, through: 190, by: 1) {
            pressure = pressure.following([:], now: start + .seconds(second))
        }
        #expect(pressure.factor == 1 && pressure.reason == nil)
    }

    @Test func `what gateways report lowers the rate, and everyone sees why`() async throws {
        try await RoomFixture.with(["rate_per_minute": "600"]) { room in
            try await room.open()
            _ = try await room.join((0..<200).map { "buyer \($0)" })
            try await room.start()
            try await room.tick()
            let quick = GatewayReport(
                holds: 100,
                holdP95: .milliseconds(80),
                answers: 1_000,
                failures: 3,
                poolWait: .milliseconds(2)
            )
            var slow = quick
            slow.holdP95 = .seconds(6)
            try await quick.write(from: "a", in: room.postgres)
            try await slow.write(from: "b", in: room.postgres)
            try await room.tick()
            let status = try await room.status()
            #expect(status.pressure.factor == 0.7 && status.pressure.reason == .holdLatency)
            for _ in 0..<4 { try await room.tick() }
            let record = try await room.onSales.find(room.onSale)
            #expect(record.admissionNote == "pressure")
            // Few holds are no measure, and neither is a gateway that is gone.
            slow.holds = 5
            try await slow.write(from: "b", in: room.postgres)
            #expect(try await GatewayReport.signals(in: room.postgres)[.holdLatency] == 0.08)
            var failing = quick
            failing.failures = 500
            try await failing.write(from: "a", in: room.postgres)
            let errors = try #require(try await GatewayReport.signals(in: room.postgres)[.errors])
            #expect(abs(errors - 503.0 / 2_000) < 1e-9)
            try await room.pass(.seconds(20))
            #expect(try await GatewayReport.signals(in: room.postgres).isEmpty)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `a tick that comes late lowers the rate`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            _ = try await room.join((0..<20).map { "buyer \($0)" })
            try await room.start()
            try await room.tick()
            try await room.tick(after: 4)
            #expect(try await room.status().pressure.factor == 1)
            try await room.tick(after: 8)
            #expect(try await room.status().pressure.reason == .workerLag)
        }
    }
}
