internal import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// One value of a beacon, to be read.
package struct BeaconRequest: Sendable, Codable, Equatable {
    /// The address of the chain, without `/public`.
    package let url: String
    package let round: Int64

    package init(url: String, round: Int64) {
        self.url = url
        self.round = round
    }
}

/// What a beacon answered.
package enum BeaconAnswer: Sendable, Codable, Equatable {
    /// The value, and what others can check it by.
    case value([UInt8], proof: String)
    /// Nothing that can be used; why.
    case unavailable(String)
}

/// Where the values of beacons come from.
package protocol BeaconSource: Sendable {
    /// Reads a value.
    ///
    /// Whatever goes wrong is an answer: the draw asks again until it gives the beacon up.
    func value(of request: BeaconRequest) async -> BeaconAnswer
}

/// Reads drand over HTTP.
///
/// Source: https://docs.drand.love/dev-guide/API%20Documentation/HTTP-API
///
/// The value is `randomness`, which is SHA-256 of the round's signature: that much is checked here. Whether the
/// signature is the network's is for those who check the draw; OpenSSL knows no BLS12-381.
package struct DrandBeacon: BeaconSource {
    private struct Round: Decodable {
        let round: Int64
        let randomness: String
        let signature: String
    }

    private let http: OutboundHTTP

    package init(timeout: Duration = .seconds(5)) { http = OutboundHTTP(timeout: timeout) }

    package func value(of request: BeaconRequest) async -> BeaconAnswer {
        guard let url = URL(string: "\(request.url)/public/\(request.round)") else {
            return .unavailable("\(request.url) is no address")
        }
        do {
            let (status, body) = try await http.send(URLRequest(url: url))
            guard status == 200 else { return .unavailable("\(url) answered \(status)") }
            return Self.read(Array(body), round: request.round)
        } catch {
            return .unavailable("\(url) can't be reached")
        }
    }

    /// Reads a round's document.
    package static func read(_ body: [UInt8], round: Int64) -> BeaconAnswer {
        let document: Round
        do { document = try JSONDecoder().decode(Round.self, from: Data(body)) } catch {
            return .unavailable("the answer is no round of drand")
        }
        guard document.round == round else {
            return .unavailable("round \(round) was asked for, and \(document.round) came")
        }
        guard let value = Hex.decode(document.randomness), value.count == Digest.length,
            let signature = Hex.decode(document.signature), Digest.sha256(signature) == value
        else { return .unavailable("the randomness is not SHA-256 of the signature") }
        return .value(value, proof: document.signature)
    }
}
