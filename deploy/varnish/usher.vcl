vcl 4.1;

# A Varnish in front of Usher's gateways; see docs/cdn.md. Written for Varnish 6 and later; only std is needed.

import std;

# A gateway, or the balancer before several.
backend default {
    .host = "127.0.0.1";
    .port = "8080";
    .probe = {
        .url = "/v1/on-sales?limit=1";
        .interval = 2s;
        .timeout = 2s;
        .window = 3;
        .threshold = 2;
        .initial = 2;
    }
}

# Who may have things forgotten: the workers.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "BAN" || req.method == "PURGE") {
        if (client.ip !~ purgers) {
            return (synth(403, "Not yours to purge"));
        }
        if (req.method == "PURGE") {
            return (purge);
        }
        # The field has keys with spaces between them; whatever else comes in it is nobody's key.
        if (req.http.Surrogate-Key !~ "^[A-Za-z0-9_-]+( [A-Za-z0-9_-]+)*$") {
            return (synth(400, "Surrogate-Key has no keys"));
        }
        # Only what the object itself has is looked at, so that the ban lurker can work it off.
        ban("obj.http.Surrogate-Key ~ (^|\s)(" + regsuball(req.http.Surrogate-Key, " ", "|") + ")(\s|$)");
        return (synth(200, "Banned"));
    }

    if (req.http.Upgrade ~ "(?i)websocket") {
        return (pipe);
    }

    # The pages that are the same for everybody: neither cookies nor questions make a difference.
    if (req.url ~ "^/on-sales/[^/?]+/(event|seat-map\.svg)([/?]|$)" || req.url ~ "^/v1/on-sales/[^/?]+/seat-map(\?|$)") {
        if (req.method == "GET" || req.method == "HEAD") {
            unset req.http.Cookie;
            unset req.http.Authorization;
            set req.url = regsub(req.url, "\?.*$", "");
            # While a gateway answers, nothing is served that is much older than it may be; otherwise a day long.
            if (std.healthy(req.backend_hint)) {
                set req.grace = 2s;
            }
            return (hash);
        }
    }
    # Everything else as Varnish always does: what has a cookie or a token is passed on, and the rest is kept for as long as
    # the gateway says.
}

# One page has one address, by whatever name the host is called.
sub vcl_hash {
    if (req.url ~ "^/on-sales/[^/]+/(event|seat-map\.svg)(/|$)" || req.url ~ "^/v1/on-sales/[^/]+/seat-map$") {
        hash_data(req.url);
        return (lookup);
    }
}

sub vcl_pipe {
    if (req.http.upgrade) {
        set bereq.http.upgrade = req.http.upgrade;
        set bereq.http.connection = req.http.connection;
    }
}

sub vcl_backend_response {
    if (beresp.http.Surrogate-Key) {
        # For as long as no gateway answers.
        set beresp.grace = 24h;
    }
    if (beresp.status >= 500 && bereq.is_bgfetch) {
        # What is there is better than that.
        return (abandon);
    }
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
}
