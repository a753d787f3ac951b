internal import BoxOffice
internal import HTTP

extension Operation {
    /// What operators do with messages and their texts.
    static let notificationCalls: [Operation] = [
        Operation(
            "listFailedNotifications",
            .get,
            "/v1/operator/notifications",
            .operator,
            "The notifications that failed for good, the latest first.",
            success: (200, "NotificationList"),
            problems: [.badParameter]
        ) { services, call, _ in
            let limit = try call.limit()
            var before: Int64?
            if let text = call.request.queryValue("after") {
                guard let id = Int64(text), id > 0 else {
                    throw Problem.badParameter.with(detail: "after must be the `next` of an earlier answer")
                }
                before = id
            }
            let records = try await services.notifications.failed(before: before, limit: limit + 1)
            let body = JSONWriter.object { json in
                json.array("notifications") { list in
                    for record in records.prefix(limit) { list.object { write(record, to: &$0) } }
                }
                json.field("next", records.count > limit ? records[limit - 1].id : nil)
            }
            return .json(body)
        },
        Operation(
            "replayNotification",
            .post,
            "/v1/operator/notifications/{id}/replay",
            .operator,
            "Delivers a notification once more, to the contact and in the words of today.",
            success: (202, nil),
            problems: [.unknownNotification, .outcomeUnknown]
        ) { services, call, holder in
            guard let id = Int64(call.parameters["id"]),
                try await services.notifications.replay(id, by: holder)
            else { throw Problem.unknownNotification }
            return HTTPResponse(status: 202)
        },
        Operation(
            "getTemplate",
            .get,
            "/v1/operator/templates/{kind}/{channel}/{locale}",
            .operator,
            "The text that is used for a kind of message on a channel in a language, and what it looks like.",
            success: (200, "Template"),
            problems: [.unknownTemplate]
        ) { services, call, _ in
            guard let template = try await services.templates.current(try templateKey(call)) else {
                throw Problem.unknownTemplate
            }
            return .json(try document(template))
        },
        Operation(
            "putTemplate",
            .put,
            "/v1/operator/templates/{kind}/{channel}/{locale}",
            .operator,
            "Writes a new version of a text.",
            body: "TemplateText",
            success: (200, "Template"),
            problems: templateProblems
        ) { services, call, holder in
            let template = try filed(call)
            let version = try await services.templates.write(template, by: holder)
            let written = MessageTemplate(
                key: template.key,
                version: version,
                subject: template.subject,
                body: template.body
            )
            return .json(try document(written))
        },
        Operation(
            "previewTemplate",
            .post,
            "/v1/operator/templates/{kind}/{channel}/{locale}/preview",
            .operator,
            "Shows what a text would look like, for one ticket and for several; nothing is written.",
            body: "TemplateText",
            success: (200, "Template"),
            problems: templateProblems
        ) { _, call, _ in
            .json(try document(try filed(call)))
        },
    ]

    private static let templateProblems: [Problem] = [
        .malformedJSON, .notJSON, .invalidFields, .unknownTemplate, .outcomeUnknown,
    ]

    private static func write(_ record: NotificationRecord, to json: inout JSONWriter) {
        json.field("id", record.id)
        json.field("kind", record.kind)
        json.field("state", record.state)
        json.field("recipient", record.recipient)
        json.field("channel", record.channel)
        json.field("template", record.template)
        json.field("attempts", record.attempts)
        json.field("detail", record.detail)
        json.field("created_at", "\(record.createdAt)")
        json.field("settled_at", record.settledAt.map { "\($0)" })
    }

    private static func templateKey(_ call: Call) throws(Problem) -> MessageTemplate.Key {
        let (kind, locale) = (call.parameters["kind"], call.parameters["locale"])
        guard MessageTemplates.kinds.contains(kind) else {
            let kinds = MessageTemplates.kinds.joined(separator: ", ")
            throw .unknownTemplate.with(detail: "the kinds are \(kinds)")
        }
        guard let channel = MessageTemplate.Channel(rawValue: call.parameters["channel"]) else {
            throw .unknownTemplate.with(detail: "the channels are email and sms")
        }
        guard Contact.isLocale(locale) else {
            throw .unknownTemplate.with(detail: "the locale is a language such as de or pt-BR")
        }
        return MessageTemplate.Key(kind: kind, channel: channel, locale: locale)
    }

    private static func filed(_ call: Call) throws(Problem) -> MessageTemplate {
        let key = try templateKey(call)
        var fields = try RequestFields(call.request)
        let subject = fields.optionalString("subject", maxLength: 500) ?? ""
        let body = fields.string("body", maxLength: 10_000)
        let template = MessageTemplate(key: key, version: 0, subject: subject, body: body)
        for issue in template.issues { fields.refuse(issue.field, issue.message) }
        try fields.check()
        return template
    }

    private static func document(_ template: MessageTemplate) throws -> [UInt8] {
        let previews = try [1, 3].map { try template.filled(MessageTemplate.sample(quantity: $0)) }
        return JSONWriter.object { json in
            json.field("name", template.name)
            json.field("version", template.version)
            json.field("subject", template.subject)
            json.field("body", template.body)
            json.array("previews") { list in
                for preview in previews {
                    list.object { json in
                        json.field("subject", preview.subject)
                        json.field("body", preview.body)
                    }
                }
            }
        }
    }
}
