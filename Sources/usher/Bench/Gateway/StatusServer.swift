internal import HTTP

/// Somebody else's server that answers with the bytes of a gateway's `/status`.
struct StatusServer: Sendable {
    /// Which one.
    enum Kind: String, Sendable, CaseIterable {
        /// One worker process, a static file.
        case nginx
        /// One thread, a fixed answer.
        case haproxy

        /// Debian's package that has it.
        var package: String { self == .nginx ? "nginx-light" : "haproxy" }
        var words: String { self == .nginx ? "nginx, a static file" : "HAProxy, a fixed answer" }
    }

    let kind: Kind
    private let program: String

    /// Finds the program.
    ///
    /// - Throws: ``Failure`` that names what to install.
    init(_ kind: Kind, path: String) throws {
        self.kind = kind
        program = try Self.find(kind.rawValue, package: kind.package, path: path)
    }

    /// Finds a program that a Debian package has.
    ///
    /// - Throws: ``Failure`` that names the package.
    static func find(_ name: String, package: String, path: String) throws -> String {
        let places = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin"]
        let found = places.map { "\($0)/\(name)" }.first(where: PostgresBinaries.isExecutable)
        guard let found else {
            throw Failure(
                "there is no \(name) here: apt-get install \(package), or leave it out with --rivals none"
            )
        }
        return found
    }

    /// Runs `body` with the port of a server that answers `path` with these bytes and fields.
    func with<Value>(
        _ answer: HTTPResponse,
        at path: String,
        in directory: String,
        core: Int?,
        _ body: (Int, BenchProcess) async throws -> Value
    ) async throws -> Value {
        let port = try PortCheck.available(0, on: "127.0.0.1")
        let home = "\(directory)/\(kind.rawValue)"
        try FileSystem.remove(home)
        try FileSystem.makeDirectory(home, mode: 0o755)
        defer { try? FileSystem.remove(home) }
        let words: [String]
        switch kind {
        case .nginx: words = try prepareNginx(answer, path, home, port)
        case .haproxy: words = try prepareHAProxy(answer, home, port)
        }
        let server = try await BenchProcess.start(
            kind.rawValue,
            program: program,
            words,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            log: "\(directory)/\(kind.rawValue).log",
            core: core
        )
        return try await server.during {
            try await RoomServer.awaitAnswer(of: server, port)
            return try await body(port, server)
        }
    }

    private func prepareNginx(
        _ answer: HTTPResponse,
        _ path: String,
        _ home: String,
        _ port: Int
    ) throws -> [String] {
        var folder = "\(home)/www"
        try FileSystem.makeDirectory(folder, mode: 0o755)
        let segments = path.split(separator: "/").map(String.init)
        for segment in segments.dropLast() {
            folder += "/\(segment)"
            try FileSystem.makeDirectory(folder, mode: 0o755)
        }
        try FileSystem.write(
            String(decoding: answer.body, as: UTF8.self),
            to: "\(folder)/\(segments.last ?? "status")",
            mode: 0o644
        )
        // What Debian's own configuration has, less the log, and with the file kept open: as fast as it is said to be.
        let text = """
            daemon off;
            worker_processes 1;
            pid \(home)/nginx.pid;
            error_log stderr crit;
            events { worker_connections 16384; }
            http {
                access_log off;
                sendfile on;
                tcp_nopush on;
                keepalive_timeout 75s;
                keepalive_requests 1000000000;
                open_file_cache max=16 inactive=1h;
                open_file_cache_valid 1h;
                default_type application/json;
                client_body_temp_path \(home)/body;
                proxy_temp_path \(home)/proxy;
                fastcgi_temp_path \(home)/fastcgi;
                uwsgi_temp_path \(home)/uwsgi;
                scgi_temp_path \(home)/scgi;
                server {
                    listen 127.0.0.1:\(port) backlog=4096;
                    root \(home)/www;
                    add_header Cache-Control "\(answer.headers["Cache-Control"] ?? "")";
                }
            }

            """
        try FileSystem.write(text, to: "\(home)/nginx.conf")
        return ["-c", "\(home)/nginx.conf", "-p", home, "-e", "stderr"]
    }

    private func prepareHAProxy(_ answer: HTTPResponse, _ home: String, _ port: Int) throws -> [String] {
        try FileSystem.write(String(decoding: answer.body, as: UTF8.self), to: "\(home)/status")
        let tag = (answer.headers["ETag"] ?? "").replacing("\"", with: "\\\"")
        let text = """
            global
                nbthread 1
                maxconn 8192

            defaults
                mode http
                timeout connect 5s
                timeout client 75s
                timeout server 75s

            frontend status
                bind 127.0.0.1:\(port) backlog 4096
                http-request return status 200 content-type application/json file \(home)/status \
            hdr Cache-Control "\(answer.headers["Cache-Control"] ?? "")" hdr ETag "\(tag)"

            """
        try FileSystem.write(text, to: "\(home)/haproxy.cfg")
        return ["-db", "-f", "\(home)/haproxy.cfg"]
    }
}
