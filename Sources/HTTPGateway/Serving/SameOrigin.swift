internal import HTTP

/// Whether a request that a cookie speaks for was made by our own pages.
///
/// Cookies are `SameSite`, but a site is more than an origin: a neighbour's page under the same domain must not act for a
/// buyer either.
enum SameOrigin {
    /// Passes a request of our own pages.
    ///
    /// Browsers say where a request comes from (`Sec-Fetch-Site`); those that don't yet say at least the page's origin.
    ///
    /// - Throws: ``Problem`` 403 `cross_site`.
    static func check(_ request: HTTPRequest) throws(Problem) {
        if let site = request.headers["Sec-Fetch-Site"] {
            guard site == "same-origin" else { throw .crossSite }
        } else {
            // The scheme is the balancer's affair, which may speak TLS for us.
            guard let origin = request.headers["Origin"], let host = request.headers["Host"],
                origin == "https://\(host)" || origin == "http://\(host)"
            else { throw .crossSite }
        }
    }
}
