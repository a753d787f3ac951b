internal import HTTP
internal import Telemetry

/// Spans as an `ExportTraceServiceRequest`.
///
/// Source: OpenTelemetry protocol 1.x, JSON encoding: ids are hexadecimal, 64-bit numbers are strings.
enum OTLPDocument {
    static func bytes(_ spans: [TraceSpan], service: String) -> [UInt8] {
        JSONWriter.object { json in
            json.array("resourceSpans") { json in
                json.object { json in
                    json.object("resource") { json in
                        json.array("attributes") { attribute("service.name", service, &$0) }
                    }
                    json.array("scopeSpans") { json in
                        json.object { json in
                            json.object("scope") { $0.field("name", "usher") }
                            json.array("spans") { json in for span in spans { write(span, &json) } }
                        }
                    }
                }
            }
        }
    }

    private static func write(_ span: TraceSpan, _ json: inout JSONWriter) {
        json.object { json in
            json.field("traceId", span.context.traceID.description)
            json.field("spanId", Hex.text(span.context.spanID))
            if let parent = span.parentID { json.field("parentSpanId", Hex.text(parent)) }
            json.field("name", span.name)
            json.field("kind", span.kind.rawValue)
            json.field("startTimeUnixNano", String(span.start))
            json.field("endTimeUnixNano", String(span.end))
            json.array("attributes") { json in
                for (name, value) in span.attributes { attribute(name, value, &json) }
            }
            json.object("status") { json in
                guard let error = span.error else { return }
                json.field("code", 2)
                json.field("message", error)
            }
        }
    }

    private static func attribute(_ name: String, _ value: String, _ json: inout JSONWriter) {
        json.object { json in
            json.field("key", name)
            json.object("value") { $0.field("stringValue", value) }
        }
    }
}
