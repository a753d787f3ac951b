internal import HTTP

/// Reads the members of a request's body and remembers everything that is wrong with them.
struct RequestFields {
    private let object: JSONValue
    private var issues: [(field: String, message: String)] = []

    private init(_ object: JSONValue) { self.object = object }

    /// Reads the body as an object; an empty body is an empty object.
    ///
    /// - Throws: ``Problem``: 415, or 400 with the place of the error.
    init(_ request: HTTPRequest) throws(Problem) {
        guard !request.body.isEmpty else {
            object = .object([])
            return
        }
        try Self.requireJSON(request)
        do {
            object = try JSONValue(parsing: request.body)
        } catch {
            throw .malformedJSON.with(detail: "\(error)")
        }
        guard case .object = object else {
            throw .malformedJSON.with(detail: "the body must be an object; found \(object.kind)")
        }
    }

    /// A body without a type is taken as JSON; one of another type is refused, so that a form of a foreign page
    /// can't be sent here.
    static func requireJSON(_ request: HTTPRequest) throws(Problem) {
        guard let type = request.headers["Content-Type"]?.lowercased() else { return }
        guard type.hasPrefix("application/json") || type.contains("+json") else { throw .notJSON }
    }

    /// Whether the member is there and not null.
    func has(_ name: String) -> Bool {
        guard let value = object[name] else { return false }
        return value != .null
    }

    /// Text of 1 to `maxLength` bytes; a placeholder where it is missing or wrong.
    mutating func string(_ name: String, maxLength: Int = 200) -> String {
        guard has(name) else { return missing(name, "text", "") }
        return optionalString(name, maxLength: maxLength) ?? ""
    }

    /// The same for a member that may be missing.
    mutating func optionalString(_ name: String, maxLength: Int = 200) -> String? {
        guard has(name), let value = object[name] else { return nil }
        guard let text = value.string else { return wrong(name, "must be text; found \(value.kind)") }
        guard !text.isEmpty, text.utf8.count <= maxLength else {
            return wrong(name, "must have 1 to \(maxLength) bytes; found \(text.utf8.count)")
        }
        return text
    }

    /// A whole number in a range; the lower bound where it is missing or wrong.
    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int {
        guard has(name), let value = object[name] else {
            return missing(name, "a whole number", range.lowerBound)
        }
        guard let number = value.int.flatMap(Int.init(exactly:)) else {
            return wrong(name, "must be a whole number; found \(value.kind)") ?? range.lowerBound
        }
        guard range.contains(number) else {
            return wrong(name, "must be from \(range.lowerBound) to \(range.upperBound); found \(number)")
                ?? range.lowerBound
        }
        return number
    }

    /// The same for a member that may be missing.
    mutating func optionalInteger(_ name: String, in range: ClosedRange<Int>) -> Int? {
        has(name) ? integer(name, in: range) : nil
    }

    /// A number in a range that may be missing.
    mutating func optionalNumber(_ name: String, in range: ClosedRange<Double>) -> Double? {
        guard has(name), let value = object[name] else { return nil }
        guard let number = value.double else { return wrong(name, "must be a number; found \(value.kind)") }
        guard range.contains(number) else {
            return wrong(name, "must be from \(range.lowerBound) to \(range.upperBound); found \(number)")
        }
        return number
    }

    /// One of some words, which may be missing.
    mutating func optionalWord<Word: RawRepresentable & CaseIterable>(
        _ name: String,
        _ type: Word.Type
    ) -> Word? where Word.RawValue == String {
        guard let text = optionalString(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let accepted = Word.allCases.map(\.rawValue).joined(separator: ", ")
            return wrong(name, "must be one of \(accepted); found \"\(text)\"")
        }
        return word
    }

    /// Reads the members of an object that may be missing; what is wrong with them is told by their path.
    mutating func within<Value>(_ name: String, _ read: (inout RequestFields) -> Value) -> Value {
        let value = has(name) ? object[name] ?? .object([]) : .object([])
        var inner = RequestFields(.object([]))
        if case .object = value {
            inner = RequestFields(value)
        } else {
            issues.append((name, "must be an object; found \(value.kind)"))
        }
        let result = read(&inner)
        issues += inner.issues.map { ("\(name).\($0.field)", $0.message) }
        return result
    }

    /// An object with a number for each of its members, which may be missing.
    mutating func counts(_ name: String, in range: ClosedRange<Int>) -> [(name: String, count: Int)] {
        within(name) { inner in
            guard case .object(let members) = inner.object else { return [] }
            return members.map { ($0.name, inner.integer($0.name, in: range)) }
        }
    }

    /// An object as it stands, as UTF-8; nil where it is missing or something else.
    mutating func document(_ name: String) -> [UInt8]? {
        guard has(name), let value = object[name] else { return missing(name, "an object", nil) }
        guard case .object(let members) = value else {
            return wrong(name, "must be an object; found \(value.kind)")
        }
        return JSONWriter.object { json in for member in members { json.field(member.name, member.value) } }
    }

    /// A list of `count` different texts; empty where it is missing or wrong.
    mutating func strings(_ name: String, count: ClosedRange<Int>, maxLength: Int = 100) -> [String] {
        guard has(name), let value = object[name] else { return missing(name, "a list", []) }
        guard let elements = value.array else {
            return wrong(name, "must be a list; found \(value.kind)") ?? []
        }
        let texts = elements.compactMap(\.string)
        if let index = elements.firstIndex(where: { $0.string == nil }) {
            return wrong("\(name)[\(index)]", "must be text; found \(elements[index].kind)") ?? []
        }
        guard count.contains(texts.count) else {
            return wrong(
                name,
                "must have \(count.lowerBound) to \(count.upperBound) elements; found \(texts.count)"
            )
                ?? []
        }
        guard Set(texts).count == texts.count else { return wrong(name, "must not name one twice") ?? [] }
        guard texts.allSatisfy({ !$0.isEmpty && $0.utf8.count <= maxLength }) else {
            return wrong(name, "each must have 1 to \(maxLength) bytes") ?? []
        }
        return texts
    }

    /// Notes that a member can't be used.
    mutating func refuse(_ name: String, _ message: String) {
        issues.append((name, message))
    }

    /// Ends the reading.
    ///
    /// - Throws: ``Problem`` 422 that names every member that was wrong.
    func check() throws(Problem) {
        if !issues.isEmpty { throw .fields(issues) }
    }

    private mutating func missing<Value>(_ name: String, _ kind: String, _ placeholder: Value) -> Value {
        issues.append((name, "is required: \(kind)"))
        return placeholder
    }

    private mutating func wrong<Value>(_ name: String, _ message: String) -> Value? {
        issues.append((name, message))
        return nil
    }
}
