internal import Foundation
internal import Postgres

/// What anybody can read of a draw: the document of `GET /v1/on-sales/{id}/fairness`, read back.
package struct PublishedDraw: Sendable, Decodable, Equatable {
    /// The public value that goes into the key.
    package struct Beacon: Sendable, Decodable, Equatable {
        /// `none`, `drand` or `announced`.
        package var kind: String
        package var genesis_at: String?
        package var period_seconds: Int64?
        package var round: Int64?
        package var announced: String?
        package var at: String?
        package var value: String?
        package var proof: String?
        package var taken_at: String?
    }

    package var on_sale: String
    package var commitment: String
    /// `usher` or `promoter`.
    package var keeper: String
    package var beacon: Beacon
    package var entries: Int64?
    package var root: String?
    package var rooted_at: String?
    package var drawn_at: String?
    package var secret: String?
    package var key: String?
    package var flags: [String]

    /// Reads the document.
    ///
    /// - Throws: ``DrawDownload/Problem`` when it is something else.
    package init(json: [UInt8]) throws {
        do { self = try JSONDecoder().decode(PublishedDraw.self, from: Data(json)) } catch {
            throw DrawDownload.Problem("the answer is not the fairness document of an on-sale")
        }
    }
}
