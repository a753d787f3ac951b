internal import BoxOffice
internal import HTTP

/// Documents on their way to a cluster, and what has become of each.
struct OpenSearchBulk {
    private let index: String
    private var entries: ArraySlice<SearchEntry>
    /// Those that don't fit into one request.
    private var later: [ArraySlice<SearchEntry>] = []

    init(_ entries: [SearchEntry], to index: String) {
        self.index = index
        self.entries = entries[...]
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count + later.reduce(0) { $0 + $1.count } }

    /// Two lines for each: what to do, and the document.
    ///
    /// The version is the number of the fact that changed it last, so that what comes late never replaces what is newer.
    var body: [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries {
            bytes += JSONWriter.object { json in
                json.object("index") { json in
                    json.field("_index", index)
                    json.field("_id", entry.id.publicID)
                    json.field("version", entry.seq)
                    json.field("version_type", "external")
                }
            }
            bytes.append(UInt8(ascii: "\n"))
            bytes += OpenSearchDocument.bytes(entry)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// Sends half of it first; false when it is one document.
    mutating func halve() -> Bool {
        guard entries.count > 1 else { return false }
        let half = entries.startIndex + entries.count / 2
        later.append(entries[half...])
        entries = entries[..<half]
        return true
    }

    /// Takes in the answer: what is left is to be sent again, or next.
    ///
    /// - Throws: ``OpenSearchProblem`` when a document is refused, or the answer is none to this.
    mutating func take(_ answer: [UInt8]) throws {
        let items = (try? JSONValue(parsing: answer))?["items"]?.array ?? []
        guard items.count == entries.count else {
            throw OpenSearchProblem(
                description: "a bulk of \(entries.count) was answered with \(items.count) items"
            )
        }
        var again: [SearchEntry] = []
        for (entry, item) in zip(entries, items) {
            let result = item["index"]
            guard result?["_id"]?.string == entry.id.publicID, let status = result?["status"]?.int else {
                throw OpenSearchProblem(description: "a bulk was answered out of order")
            }
            switch status {
            // 409: what is there is as new, or newer.
            case 200, 201, 409: continue
            case 429, 500...599: again.append(entry)
            default:
                let error = result?["error"]
                throw OpenSearchProblem(
                    description:
                        "\(entry.id) is refused (\(status)): \(error?["type"]?.string ?? "") \(error?["reason"]?.string ?? "")"
                )
            }
        }
        entries = again[...]
        if entries.isEmpty, let next = later.popLast() { entries = next }
    }
}
