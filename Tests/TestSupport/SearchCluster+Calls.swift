internal import HTTP

/// What a request breaks of the contract.
private struct Complaint: Error {
    var status = 400
    var type = "illegal_argument_exception"
    let text: String
}

extension SearchCluster.State {
    mutating func answer(_ request: HTTPRequest) -> HTTPResponse {
        do throws(Complaint) {
            return try reply(to: request)
        } catch {
            // What is not there is no breach of the contract; nor is what is there already.
            if error.status == 400, error.type == "illegal_argument_exception" {
                complaints.append(error.text)
            }
            return SearchCluster.error(error.status, error.type, error.text)
        }
    }

    private mutating func reply(to request: HTTPRequest) throws(Complaint) -> HTTPResponse {
        let parts = request.path.split(separator: "/").map(String.init)
        switch (request.method, parts.count, parts.first, parts.last) {
        case (.post, 1, "_bulk", _): return try bulk(request)
        case (.post, 1, "_aliases", _): return try change(request)
        case (.get, 2, "_alias", let name?):
            let names = aliases[name] ?? []
            guard !names.isEmpty else {
                throw Complaint(status: 404, type: "missing", text: "no alias \(name)")
            }
            return list(names)
        case (.get, 2, let name?, "_alias"):
            guard name.hasSuffix("*") else {
                throw Complaint(text: "\(request.target) is not asked for here")
            }
            return list(Set(indexes.keys.filter { $0.hasPrefix(name.dropLast()) }))
        case (.post, 2, let name?, "_refresh"):
            guard indexes[name] != nil else { throw Self.missing(name) }
            let count = indexes[name]?.documents.count ?? 0
            indexes[name]?.visible = count
            note()
            return .json(Array("{}".utf8))
        case (.put, 1, let name?, _): return try create(name, request)
        case (.delete, 1, let name?, _):
            guard indexes.removeValue(forKey: name) != nil else { throw Self.missing(name) }
            for alias in aliases.keys {
                if aliases[alias]?.remove(name) != nil, !alias.hasSuffix("-writer") {
                    complaints.append("\(name) was removed while \(alias) was of it")
                }
            }
            aliases = aliases.filter { !$0.value.isEmpty }
            return .json(Array(#"{"acknowledged":true}"#.utf8))
        default: throw Complaint(text: "\(request.method) \(request.target) is not asked for here")
        }
    }

    private static func missing(_ name: String) -> Complaint {
        Complaint(status: 404, type: "index_not_found_exception", text: "no such index [\(name)]")
    }

    private func list(_ names: Set<String>) -> HTTPResponse {
        .json(
            JSONWriter.object { json in
                for name in names.sorted() {
                    json.object(name) { json in
                        json.object("aliases") { json in
                            for alias in aliases.keys.sorted() where aliases[alias]?.contains(name) == true {
                                json.object(alias) { _ in }
                            }
                        }
                    }
                }
            }
        )
    }

    private static func json(_ request: HTTPRequest) throws(Complaint) -> JSONValue {
        guard request.headers["Content-Type"] == "application/json" else {
            throw Complaint(
                text: "\(request.target) has the type \(request.headers["Content-Type"] ?? "none")"
            )
        }
        // A body that is no JSON is answered like that of a real cluster, with 400.
        guard let value = try? JSONValue(parsing: request.body) else {
            throw Complaint(text: "\(request.target) has no JSON")
        }
        return value
    }

    private mutating func create(_ name: String, _ request: HTTPRequest) throws(Complaint) -> HTTPResponse {
        let body = try Self.json(request)
        guard indexes[name] == nil, aliases[name] == nil else {
            throw Complaint(type: "resource_already_exists_exception", text: "index [\(name)] already exists")
        }
        guard case .object(let properties)? = body["mappings"]?["properties"],
            body["mappings"]?["dynamic"]?.string == "strict"
        else { throw Complaint(text: "\(name) has no strict mapping") }
        indexes[name] = SearchCluster.Index(fields: Set(properties.map(\.name)))
        if case .object(let given)? = body["aliases"] {
            for alias in given { aliases[alias.name, default: []].insert(name) }
        }
        return .json(Array(#"{"acknowledged":true}"#.utf8))
    }

    private mutating func change(_ request: HTTPRequest) throws(Complaint) -> HTTPResponse {
        let actions = try Self.json(request)["actions"]?.array ?? []
        guard !actions.isEmpty else { throw Complaint(text: "no actions") }
        var changed = aliases
        var touched: Set<String> = []
        for action in actions {
            guard case .object(let members) = action, members.count == 1,
                let index = members[0].value["index"]?.string,
                let alias = members[0].value["alias"]?.string
            else { throw Complaint(text: "an action of aliases is none") }
            guard indexes[index] != nil else { throw Self.missing(index) }
            touched.insert(alias)
            switch members[0].name {
            case "add": changed[alias, default: []].insert(index)
            case "remove":
                guard changed[alias]?.remove(index) != nil else {
                    throw Complaint(
                        status: 404,
                        type: "aliases_not_found_exception",
                        text: "\(index) has no \(alias)"
                    )
                }
            default: throw Complaint(text: "no action \(members[0].name)")
            }
        }
        aliases = changed
        for alias in touched where changed[alias]?.count != 1 {
            complaints.append("\(alias) is of \(changed[alias] ?? [])")
        }
        note()
        return .json(Array(#"{"acknowledged":true}"#.utf8))
    }

    /// Keeps how many each alias shows.
    private mutating func note() {
        for (alias, names) in aliases where !alias.hasSuffix("-writer") {
            let count = names.reduce(0) { $0 + (indexes[$1]?.visible ?? 0) }
            if shown[alias]?.last != count { shown[alias, default: []].append(count) }
        }
    }

    // MARK: Bulks

    private mutating func bulk(_ request: HTTPRequest) throws(Complaint) -> HTTPResponse {
        bulks += 1
        guard request.headers["Content-Type"] == "application/x-ndjson" else {
            throw Complaint(text: "a bulk has the type \(request.headers["Content-Type"] ?? "none")")
        }
        guard request.queryValue("require_alias") == "true" else {
            throw Complaint(text: "a bulk may make indexes")
        }
        guard request.body.last == UInt8(ascii: "\n") else {
            throw Complaint(text: "a bulk has no last line break")
        }
        let lines = request.body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .dropLast()
        guard lines.count % 2 == 0, !lines.isEmpty else {
            throw Complaint(text: "a bulk has \(lines.count) lines")
        }
        var results: [(id: String, status: Int, error: String?)] = []
        for start in stride(from: lines.startIndex, to: lines.endIndex, by: 2) {
            // Lines that are no JSON are complained of below, as breaches of the contract.
            let action = (try? JSONValue(parsing: Array(lines[start])))?["index"]
            let source = try? JSONValue(parsing: Array(lines[start + 1]))
            guard let id = action?["_id"]?.string, let target = action?["_index"]?.string,
                action?["version_type"]?.string == "external", let version = action?["version"]?.int,
                version > 0,
                let source, case .object(let members) = source
            else { throw Complaint(text: "not an action: \(String(decoding: lines[start], as: UTF8.self))") }
            guard let index = aliases[target]?.first, aliases[target]?.count == 1 else {
                results.append((id, 404, "index_not_found_exception"))
                continue
            }
            if roll(6) == 0 {
                results.append((id, 429, "rejected_execution_exception"))
                continue
            }
            let unknown = members.map(\.name).filter { indexes[index]?.fields.contains($0) != true }
            if source["id"]?.string != id || !unknown.isEmpty {
                complaints.append("a document does not fit: \(unknown) \(id)")
                results.append((id, 400, "strict_dynamic_mapping_exception"))
                continue
            }
            let known = indexes[index]?.documents[id]
            if let known, known.version >= version {
                if known.version == version, known.source != source {
                    complaints.append("\(id) has two documents of version \(version)")
                }
                results.append((id, 409, "version_conflict_engine_exception"))
                continue
            }
            indexes[index]?.documents[id] = SearchCluster.Document(version: version, source: source)
            results.append((id, known == nil ? 201 : 200, nil))
        }
        return .json(Self.answer(results))
    }

    private static func answer(_ results: [(id: String, status: Int, error: String?)]) -> [UInt8] {
        JSONWriter.object { json in
            json.field("took", 1)
            json.field("errors", results.contains { $0.error != nil })
            json.array("items") { list in
                for result in results {
                    list.object { json in
                        json.object("index") { json in
                            json.field("_id", result.id)
                            json.field("status", result.status)
                            guard let error = result.error else { return }
                            json.object("error") { json in
                                json.field("type", error)
                                json.field("reason", "as it is here")
                            }
                        }
                    }
                }
            }
        }
    }
}
