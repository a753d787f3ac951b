internal import Reactor

/// Who has asked how often lately, for any number of askers in a fixed amount of memory.
///
/// Each asker has one number: until when what was asked takes the time, were it to be asked at the rate (the generic cell
/// rate algorithm). One whose number lies in the past has asked nothing that counts, so its entry is free for another. Where
/// a bucket is full of askers that do count, the one that asked least makes room: it may ask more than it should, and
/// nobody less.
///
/// Any thread may ask.
final class RateTable: Sendable {
    private struct Entry {
        var key: UInt64 = 0
        var until: Int64 = 0
    }

    private final class Stripe: Sendable {
        let entries: Lock<[Entry]>

        init(_ count: Int) { entries = Lock(Array(repeating: Entry(), count: count)) }
    }

    private static let ways = 8
    private static let stripeCount = 16

    private let stripes: [Stripe]
    private let bucketsEach: Int
    private let interval: Int64
    private let allowance: Int64
    private let seed = UInt64.random(in: .min ... .max)

    /// - Parameters:
    ///   - rate: what each asker may.
    ///   - capacity: askers of the same moment that are told apart; 16 bytes each.
    init(_ rate: RequestRate, capacity: Int = 262_144) {
        interval = rate.interval
        allowance = rate.interval * Int64(rate.burst)
        bucketsEach = max(1, capacity / (Self.ways * Self.stripeCount))
        let entries = bucketsEach * Self.ways
        stripes = (0..<Self.stripeCount).map { _ in Stripe(entries) }
    }

    /// Counts a request.
    ///
    /// - Parameters:
    ///   - asker: who asks.
    ///   - now: when.
    /// - Returns: nil if it is within the rate; else it doesn't count, and this says when the next one will be.
    func ask(_ asker: UInt64, at now: MonotonicTime) -> Duration? {
        let hash = mixed(asker ^ seed)
        // 0 is a free entry's.
        let key = hash | 1
        let now = Int64(bitPattern: now.nanoseconds)
        let bucket = Int(truncatingIfNeeded: (hash >> 8) % UInt64(bucketsEach)) * Self.ways
        return stripes[Int(truncatingIfNeeded: hash >> 60)].entries.withLock { entries in
            var at = bucket
            for index in bucket..<(bucket + Self.ways) {
                if entries[index].key == key {
                    at = index
                    break
                }
                if entries[index].until < entries[at].until { at = index }
            }
            if entries[at].key != key { entries[at] = Entry(key: key, until: now) }
            let until = max(entries[at].until, now) + interval
            guard until - now <= allowance else { return .nanoseconds(until - now - allowance) }
            entries[at].until = until
            return nil
        }
    }

    /// SplitMix64's last steps.
    private func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
