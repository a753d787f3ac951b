package import Postgres

/// A job's input with the version of its type.
///
/// Version 1 is stored bare, so that it costs nothing; later ones in an object of two members.
package struct VersionedInput: Sendable {
    package let version: Int
    package let json: JSONB

    package init(version: Int, json: JSONB) {
        self.version = version
        self.json = json
    }

    // As the server writes a jsonb object: shorter keys first.
    private static let opening = Array("{\"$input\": ".utf8)
    private static let middle = Array(", \"$version\": ".utf8)

    /// Reads an input as it is stored.
    package init(stored: JSONB) {
        let bytes = stored.bytes
        if bytes.starts(with: Self.opening), bytes.last == UInt8(ascii: "}") {
            let digits = bytes.dropLast().reversed().prefix {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
            let end = bytes.count - 1 - digits.count
            let start = end - Self.middle.count
            if start >= Self.opening.count, bytes[start..<end].elementsEqual(Self.middle),
                let version = Int(String(decoding: digits.reversed(), as: UTF8.self))
            {
                self.init(version: version, json: JSONB(bytes: Array(bytes[Self.opening.count..<start])))
                return
            }
        }
        self.init(version: 1, json: stored)
    }

    /// The input as it is stored.
    package var stored: JSONB {
        guard version != 1 else { return json }
        return JSONB(bytes: Self.opening + json.bytes + Self.middle + Array("\(version)}".utf8))
    }

    /// Decodes the input of a job as its type expects it now, by way of the type's upgrade if it is older.
    ///
    /// - Throws: ``UnreadableInput``.
    package static func decode<Code: JobDefinition>(
        _ code: Code.Type,
        from stored: JSONB,
        of id: JobID,
        codec: (any PayloadCodec)? = nil
    ) throws -> Code.Input {
        var what: String { "input of \(Code.name) \(id)" }
        do {
            let stored = try codec?.decode(stored, of: .input(of: Code.name)) ?? stored
            // A type that never changed looks for no version, unless the input is not its own.
            if Code.version == 1, let input = try? Code.decode(stored) { return input }
            let input = Self(stored: stored)
            guard input.version <= Code.version else {
                throw UnreadableInput(
                    reason: "\(what) has version \(input.version), this worker knows up to \(Code.version)"
                )
            }
            let json =
                input.version == Code.version ? input.json : try Code.upgrade(input.json, from: input.version)
            return try Code.decode(json)
        } catch let error as UnreadableInput {
            throw error
        } catch {
            throw UnreadableInput(reason: "\(what): \(error)")
        }
    }
}

/// The input of a job can't be read by this worker: the job is parked, because a later deploy may.
package struct UnreadableInput: Error, CustomStringConvertible {
    package let reason: String
    package var description: String { reason }

    package init(reason: String) {
        self.reason = reason
    }
}
