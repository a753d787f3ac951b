@testable import HTTP

/// Targets with their percent-encoding.
enum PercentFuzz: FuzzTarget {
    static let name = "percent"
    static let seeds: [[UInt8]] = [
        "/", "/a%20b?c=d%26e&f", "http://a:80?x=1", "https://a/b", "/?a+b=c%2B", "/%", "/?%4", "/?%zz=1",
        "/?%ff",
        "*", "a", "/?=&&=%00", "HTTP://A/%E4?%c3%a4",
    ].map { Array($0.utf8) }

    static func check(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        for plusIsSpace in [true, false] {
            if let decoded = PercentCoding.decode(text[...], plusIsSpace: plusIsSpace) {
                precondition(decoded.utf8.count <= bytes.count, "longer than what it was made of")
            }
            let encoded = encode(text)
            precondition(
                PercentCoding.decode(encoded[...], plusIsSpace: plusIsSpace).map { Array($0.utf8) } == bytes,
                "\(encoded) is not taken for what it is"
            )
        }
        // The parser lets nothing else through.
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let (path, query) = PercentCoding.split(target: text)
        else { return }
        precondition(path.utf8.first == ASCII.slash && !path.contains("?"), "\(path) is no path")
        let pairs = query.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
        guard let again = PercentCoding.split(target: path + "?" + pairs) else {
            fatalError("\(path)?\(pairs) is not taken")
        }
        // A pair of nothing and nothing is "=".
        precondition(
            again.path == path && again.query.elementsEqual(query) { $0 == $1 },
            "\(again) is not \((path, query))"
        )
    }

    private static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "%0\(digits)" : "%\(digits)"
        }.joined()
    }
}
