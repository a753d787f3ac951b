/// Something that reads what anybody may send.
///
/// It is given any bytes at all and must neither crash nor break what ``check(_:)`` holds it to.
protocol FuzzTarget {
    /// Its name, which is also the name of its corpus.
    static var name: String { get }

    /// Reads the bytes; what may never be is a failed precondition.
    static func check(_ bytes: [UInt8])

    /// What fuzzing begins with, when nothing has been kept.
    static var seeds: [[UInt8]] { get }
}

/// Every target there is.
enum FuzzTargets {
    static let all: [any FuzzTarget.Type] = [
        RequestFuzz.self, ResponseFuzz.self, WebSocketFuzz.self, JSONFuzz.self, PercentFuzz.self,
        ProxyFuzz.self,
    ]
}

/// Pieces of some bytes, as a network might bring them: where they are cut depends on the bytes, so that the same bytes
/// fail again.
struct Cuts {
    /// The bytes whole, in three pieces, and, where they are few, one by one.
    let ways: [[ArraySlice<UInt8>]]

    init(_ bytes: [UInt8]) {
        // FNV-1a.
        let hash = bytes.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        let count = UInt64(bytes.count + 1)
        let one = Int(hash % count)
        let other = Int((hash >> 32) % count)
        let (first, second) = (min(one, other), max(one, other))
        var ways = [[bytes[...]], [bytes[..<first], bytes[first..<second], bytes[second...]]]
        if bytes.count <= 256 { ways.append(bytes.indices.map { bytes[$0...$0] }) }
        self.ways = ways
    }

    /// What `read` makes of the whole, which is what it must make of the pieces.
    func agreed<Result: Equatable>(_ read: ([ArraySlice<UInt8>]) -> Result) -> Result {
        let whole = read(ways[0])
        for way in ways.dropFirst() {
            let other = read(way)
            if other != whole {
                fatalError("cut at \(way.map(\.count)), it is \(other); whole, it is \(whole)")
            }
        }
        return whole
    }
}
