internal import Jobs
internal import Reactor

// What a run shows to the outside, and the requests it has received.
extension Activation {
    /// Keeps a value for the next commit; while the code only finds its way back, it was published before.
    func publish(_ name: String, _ value: PublishedValue) {
        state.withLock { state in
            guard state.reading.isThrough else { return }
            state.published[PublishedName(name: name, isAttribute: value.isAttribute)] = value
        }
    }

    func takePublished() -> [(name: String, value: PublishedValue)] {
        state.withLock { state in
            defer { state.published = [:] }
            return state.published.sorted { $0.key < $1.key }.map { ($0.key.name, $0.value) }
        }
    }

    /// The number of the next update of a name.
    func nextUpdate(_ name: String) -> Int {
        state.withLock { $0.received[name, default: 0] + 1 }
    }

    /// What the next generation has to know of the updates that were received; nil if there were none.
    var receivedUpdates: Checkpoint? {
        let received = state.withLock { $0.received }
        guard !received.isEmpty, let json = try? JSONCoding.encode(received) else { return nil }
        return Checkpoint(kind: .marker, value: json)
    }

    func tookUpdate(_ name: String) {
        state.withLock { $0.received[name, default: 0] += 1 }
    }
}
