package import Postgres

/// The texts of messages: those that come with Usher, and the versions that were written over them.
package struct MessageTemplates: Sendable {
    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// The kinds that people can be told of.
    package static var kinds: [String] { BuiltInTemplates.kinds }

    /// The text that is used now for somebody who reads `locale`; nil when there is none of that kind.
    package func current(_ key: MessageTemplate.Key) async throws -> MessageTemplate? {
        Self.choose(key, from: try Self.read(try await postgres.query(Self.latest([key.kind]))))
    }

    /// Writes a new version over a text; what was made of the older ones stays as it is.
    ///
    /// - Returns: the version.
    /// - Throws: `PostgresError`.
    package func write(_ template: MessageTemplate, by holder: APIKeys.Holder) async throws -> Int {
        try await postgres.withTransaction { tx in
            // Writers take turns, so that each version is the next.
            try await tx.execute(
                Query("templates.lock", "LOCK TABLE message_templates IN SHARE ROW EXCLUSIVE MODE")
            )
            let key = template.key
            let rows = try await tx.query(
                Query(
                    "templates.add",
                    """
                    INSERT INTO message_templates (kind, channel, locale, version, subject, body, created_at, created_by)
                    SELECT \(key.kind), \(key.channel), \(key.locale), coalesce(max(version), 0) + 1,
                        \(template.subject), \(template.body), usher_now(), \(holder.actor)
                    FROM message_templates
                    WHERE kind = \(key.kind) AND channel = \(key.channel) AND locale = \(key.locale)
                    RETURNING version
                    """
                )
            )
            guard let version: Int = try rows.first?[0] else { return 0 }
            let detail: [String: PlanValue] = [
                "kind": .string(key.kind), "channel": .string(key.channel.rawValue),
                "locale": .string(key.locale),
                "version": .integer(version),
            ]
            try await AuditTrail.append("template", byOperator: holder, detail: detail, in: &tx)
            return version
        }
    }

    /// The latest version of each text of some kinds.
    ///
    /// Uses the primary key of `message_templates`.
    static func latest(_ kinds: [String]) -> Query {
        Query(
            "templates.latest",
            """
            SELECT DISTINCT ON (kind, channel, locale) kind, channel, locale, version, subject, body
            FROM message_templates WHERE kind = ANY (\(kinds))
            ORDER BY kind, channel, locale, version DESC
            """
        )
    }

    static func read(_ rows: [Row]) throws -> [MessageTemplate.Key: MessageTemplate] {
        var written: [MessageTemplate.Key: MessageTemplate] = [:]
        for row in rows {
            let key = MessageTemplate.Key(kind: try row[0], channel: try row[1], locale: try row[2])
            written[key] = MessageTemplate(
                key: key,
                version: try row[3],
                subject: try row[4],
                body: try row[5]
            )
        }
        return written
    }

    /// In the locale itself, in its language, in English; each as written, else as it comes with Usher.
    static func choose(
        _ wanted: MessageTemplate.Key,
        from written: [MessageTemplate.Key: MessageTemplate]
    ) -> MessageTemplate? {
        let language = String(wanted.locale.prefix { $0 != "-" })
        for locale in [wanted.locale, language, "en"] {
            let key = MessageTemplate.Key(kind: wanted.kind, channel: wanted.channel, locale: locale)
            if let template = written[key] ?? BuiltInTemplates.all[key] { return template }
        }
        return nil
    }
}
