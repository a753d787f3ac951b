internal import HTTP

/// A file with a promoter's plan, as the commands that take one read it.
struct PlanFile: Sendable {
    /// As it is written.
    let json: [UInt8]
    let members: [JSONValue.Member]

    /// Reads the file.
    ///
    /// - Throws: ``Failure`` when there is no such file, or no JSON object in it.
    init(path: String) throws {
        guard let text = try FileSystem.read(path) else {
            throw Failure("there is no plan at \(path); --plan FILE takes one, such as Examples/arena.json")
        }
        json = Array(text.utf8)
        let filed: JSONValue
        do {
            filed = try JSONValue(parsing: json)
        } catch {
            throw Failure("\(path) is not JSON: \(error)")
        }
        guard case .object(let members) = filed else { throw Failure("\(path) is not a JSON object") }
        self.members = members
    }
}
