internal import Postgres

/// The envelope in which facts are told to programs: CloudEvents 1.0 in its JSON form.
///
/// Source: CloudEvents 1.0.2, JSON event format 1.0.2; extension `partitionkey`.
package struct CloudEvent: Sendable {
    /// How its media type is called.
    package static let mediaType = "application/cloudevents+json"
    /// A JSON array of them.
    package static let batchMediaType = "application/cloudevents-batch+json"

    private let fact: Fact
    private let onSale: String

    /// - Parameters:
    ///   - fact: What is told.
    ///   - onSale: How its on-sale is called outside, such as `os_7`.
    package init(_ fact: Fact, onSale: String) {
        self.fact = fact
        self.onSale = onSale
    }

    /// `usher.reservation.held.v1`.
    package static func type(of fact: Fact) -> String { "usher.\(fact.kind).v\(fact.version)" }

    /// One JSON object, without line breaks.
    package var bytes: [UInt8] {
        // Kinds and ids are ours: nothing in them needs escaping.
        var text = #"{"specversion":"1.0","id":""#
        text += "\(fact.seq)"
        text += #"","source":"/v1/on-sales/"#
        text += onSale
        text += #"","type":""#
        text += Self.type(of: fact)
        text += #"","time":""#
        text += "\(fact.recordedAt)"
        text += #"","partitionkey":""#
        text += onSale
        text += #"","dataschema":"urn:usher:event:"#
        text += "\(fact.kind).v\(fact.version)"
        text += #"","datacontenttype":"application/json","data":"#
        var bytes = Array(text.utf8)
        bytes += fact.data.bytes
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
