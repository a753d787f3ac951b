/// What a request asks to be done.
public struct HTTPMethod: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The word on the wire; methods are case-sensitive.
    public let rawValue: String

    /// Makes a method from the word on the wire.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The method `GET`.
    public static let get = Self(rawValue: "GET")
    /// The method `HEAD`.
    public static let head = Self(rawValue: "HEAD")
    /// The method `POST`.
    public static let post = Self(rawValue: "POST")
    /// The method `PUT`.
    public static let put = Self(rawValue: "PUT")
    /// The method `PATCH`.
    public static let patch = Self(rawValue: "PATCH")
    /// The method `DELETE`.
    public static let delete = Self(rawValue: "DELETE")
    /// The method `OPTIONS`.
    public static let options = Self(rawValue: "OPTIONS")

    /// The word on the wire.
    public var description: String { rawValue }

    /// Whether sending it twice does no more than sending it once.
    ///
    /// Source: RFC 9110 §9.2.2.
    public var isIdempotent: Bool {
        self == .get || self == .head || self == .put || self == .delete || self == .options
    }
}
