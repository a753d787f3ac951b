internal import Foundation

/// A proxy of the system's between clients and a server, set up as `docs/gateway.md` tells operators to.
package enum FrontProxy {
    /// Runs nginx before a server: it keeps connections, lets WebSockets through, says whom it asks for, and keeps what the
    /// server lets it keep of the addresses that end with `cached`.
    package static func withNginx(
        to port: Int,
        caching cached: String = "/status",
        _ body: (Int) async throws -> Void
    ) async throws {
        let front = try TestCluster.freePort()
        try await SystemProgram.withDirectory { place in
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map { "\($0)_temp_path \(place)/\($0);" }.joined(separator: " ")
            let text = """
                daemon off; master_process off; pid \(place)/pid; error_log stderr;
                events { worker_connections 512; }
                http {
                    access_log off; \(temporary)
                    proxy_cache_path \(place)/cache keys_zone=usher:1m;
                    upstream usher { server 127.0.0.1:\(port); keepalive 8; }
                    map $http_upgrade $connection_field { default upgrade; '' ''; }
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $connection_field;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    server {
                        listen 127.0.0.1:\(front);
                        location / { proxy_pass http://usher; }
                        location ~ \(cached)$ { proxy_pass http://usher; proxy_cache usher; proxy_cache_lock on; }
                    }
                }
                """
            try text.write(toFile: "\(place)/nginx.conf", atomically: false, encoding: .utf8)
            let words = ["-p", place, "-c", "\(place)/nginx.conf", "-e", "stderr"]
            try await SystemProgram.with("nginx", words, isUp: { await answers(front) }) {
                try await body(front)
            }
        }
    }

    /// Runs HAProxy before a server; `option` is more of the server's line, as in `send-proxy`.
    package static func withHAProxy(
        to port: Int,
        _ option: String = "",
        _ body: (Int) async throws -> Void
    ) async throws {
        let front = try TestCluster.freePort()
        try await SystemProgram.withDirectory { place in
            let text = """
                global
                    maxconn 256
                defaults
                    mode http
                    timeout connect 5s
                    timeout client 30s
                    timeout server 30s
                    timeout tunnel 60s
                frontend buyers
                    bind 127.0.0.1:\(front)
                    default_backend gateways
                backend gateways
                    http-reuse always
                    server one 127.0.0.1:\(port) \(option)

                """
            try text.write(toFile: "\(place)/haproxy.cfg", atomically: false, encoding: .utf8)
            let words = ["-db", "-f", "\(place)/haproxy.cfg"]
            try await SystemProgram.with("haproxy", words, isUp: { await answers(front) }) {
                try await body(front)
            }
        }
    }

    /// Runs Varnish before a server on a port of ours, with the VCL that comes with Usher.
    package static func withVarnish(
        on front: Int,
        to port: Int,
        vcl: String,
        _ body: () async throws -> Void
    ) async throws {
        try await SystemProgram.withDirectory { place in
            let text = try String(contentsOfFile: vcl, encoding: .utf8)
                .replacing(".port = \"8080\"", with: ".port = \"\(port)\"")
            try text.write(toFile: "\(place)/usher.vcl", atomically: false, encoding: .utf8)
            let words = [
                "-F", "-j", "none", "-n", "\(place)/work", "-a", "127.0.0.1:\(front)", "-T", "none",
                "-f", "\(place)/usher.vcl", "-s", "malloc,32m", "-p", "vsl_space=4M",
            ]
            try await SystemProgram.with("varnishd", words, isUp: { await answers(front) }, body)
        }
    }

    private static func answers(_ port: Int) async -> Bool {
        // Until it listens, nobody answers, and that is what is asked.
        guard let raw = try? await RawConnection(port: port) else { return false }
        raw.close()
        return true
    }
}
