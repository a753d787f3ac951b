internal import Foundation
internal import Jobs
public import Postgres

extension RunHistory {
    /// The history as one JSON document on one line.
    ///
    /// Instants are microseconds since 1970, UTC; values are as they are stored. The order of fields is fixed.
    public var document: JSONB {
        func text(_ value: String?) -> String {
            guard let value else { return "null" }
            // A string always encodes.
            return (try? JSONCoding.encode(value))?.text ?? "null"
        }
        func number(_ value: (some BinaryInteger)?) -> String { value.map { "\($0)" } ?? "null" }
        func list(_ items: [String]) -> String { "[" + items.joined(separator: ",") + "]" }
        func fact(_ fact: Fact) -> String {
            """
            {"name":\(text(fact.name)),"value":\(fact.value.text),"at":\(fact.recordedAt.microseconds)}
            """
        }
        let fields = [
            "\"run\":\(run.id)", "\"workflow\":\(text(run.workflow))", "\"queue\":\(text(run.queue))",
            "\"state\":\(text(run.state.rawValue))", "\"code_version\":\(number(run.codeVersion))",
            "\"generation\":\(run.generation)", "\"failures\":\(run.failures)",
            "\"error\":\(text(run.error))",
            "\"created_at\":\(run.createdAt.microseconds)",
            "\"finished_at\":\(number(run.finishedAt?.microseconds))",
            "\"input\":\(input.text)", "\"output\":\(output?.text ?? "null")",
            "\"steps\":"
                + list(
                    steps.map { step in
                        """
                        {"key":\(text(step.key)),"kind":\(text(step.kind.rawValue)),"value":\(step.value.text),\
                        "epoch":\(step.epoch),"at":\(step.recordedAt.microseconds)}
                        """
                    }
                ),
            "\"events\":" + list(events.map(fact)), "\"values\":" + list(values.map(fact)),
            "\"attributes\":"
                + list(attributes.map { "{\"name\":\(text($0.name)),\"value\":\($0.value.text)}" }),
            "\"children\":" + list(children.map { "\($0.id)" }),
        ]
        return JSONB(text: "{" + fields.joined(separator: ",") + "}")
    }

    /// Reads a document, such as a line of an export.
    ///
    /// What it says of children is left out.
    ///
    /// - Throws: ``JobsError`` (`undecodable`) that names the field that does not fit.
    public init(document: JSONB) throws {
        let root: Any
        do {
            root = try JSONSerialization.jsonObject(with: Data(document.bytes))
        } catch {
            throw JobsError(code: .undecodable, message: "the history is not a JSON document")
        }
        let fields = try DocumentFields(root, "the history")
        let state = try fields.text("state")
        guard let state = RunState(rawValue: state) else {
            throw JobsError(code: .undecodable, message: "the history has an unknown state \"\(state)\"")
        }
        let version = try fields.optional("code_version") { try $0.number("code_version") }
        run = RunSummary(
            id: JobID(rawValue: try fields.number("run")),
            workflow: try fields.text("workflow"),
            queue: try fields.text("queue"),
            state: state,
            codeVersion: version.map { Int($0) },
            generation: Int32(clamping: try fields.number("generation")),
            failures: Int16(clamping: try fields.number("failures")),
            error: try fields.optional("error") { try $0.text("error") },
            createdAt: try fields.instant("created_at"),
            finishedAt: try fields.optional("finished_at") { try $0.instant("finished_at") }
        )
        input = try fields.json("input")
        // A run that is done has returned something, if only null.
        output = state == .done ? try fields.json("output") : nil
        steps = try fields.list("steps").map { step in
            let kind = try step.text("kind")
            guard let kind = Step.Kind(rawValue: kind) else {
                throw JobsError(
                    code: .undecodable,
                    message: "\(step.place) is of an unknown kind \"\(kind)\""
                )
            }
            return Step(
                key: try step.text("key"),
                kind: kind,
                value: try step.json("value"),
                epoch: Int32(clamping: try step.number("epoch")),
                recordedAt: try step.instant("at")
            )
        }
        func facts(_ name: String) throws -> [Fact] {
            try fields.list(name).map {
                Fact(name: try $0.text("name"), value: try $0.json("value"), recordedAt: try $0.instant("at"))
            }
        }
        events = try facts("events")
        values = try facts("values")
        attributes = try fields.list("attributes").map {
            RunAttribute(try $0.text("name"), try $0.json("value"))
        }
        children = []
    }
}

/// The fields of a JSON object, with what to call it when one does not fit.
private struct DocumentFields {
    let place: String
    private let object: [String: Any]

    init(_ value: Any, _ place: String) throws {
        guard let object = value as? [String: Any] else {
            throw JobsError(code: .undecodable, message: "\(place) is not a JSON object")
        }
        self.object = object
        self.place = place
    }

    private func wrong(_ name: String, _ wanted: String) -> JobsError {
        JobsError(code: .undecodable, message: "\(place) has no \(wanted) in its field \"\(name)\"")
    }

    func optional<Value>(_ name: String, _ read: (Self) throws -> Value) throws -> Value? {
        guard let value = object[name], !(value is NSNull) else { return nil }
        return try read(self)
    }

    func text(_ name: String) throws -> String {
        guard let value = object[name] as? String else { throw wrong(name, "text") }
        return value
    }

    func number(_ name: String) throws -> Int64 {
        guard let value = object[name] as? NSNumber else { throw wrong(name, "number") }
        return value.int64Value
    }

    func instant(_ name: String) throws -> PostgresTimestamp {
        PostgresTimestamp(microseconds: try number(name))
    }

    func json(_ name: String) throws -> JSONB {
        guard let value = object[name] else { throw wrong(name, "value") }
        do {
            let data = try JSONSerialization.data(
                withJSONObject: value,
                options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes]
            )
            return JSONB(text: String(decoding: data, as: UTF8.self))
        } catch {
            throw wrong(name, "JSON value")
        }
    }

    func list(_ name: String) throws -> [Self] {
        guard let values = object[name] as? [Any] else { throw wrong(name, "list") }
        return try values.enumerated().map { try Self($1, "\(place)'s \(name)[\($0)]") }
    }
}
