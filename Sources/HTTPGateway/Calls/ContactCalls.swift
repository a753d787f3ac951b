internal import BoxOffice
internal import HTTP

extension Operation {
    /// How buyers say how they want to be told, and that they don't any more.
    static let contactCalls: [Operation] = [
        Operation(
            "putContact",
            .put,
            "/v1/places/{id}/contact",
            .place,
            "Says how the buyer of a place wants to be told. Giving an address is agreeing to it.",
            body: "Contact",
            success: (200, "Contact"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .wrongPlace, .unknownPlace, .outcomeUnknown,
            ]
        ) { services, call in
            let token = try call.place(services)
            var fields = try RequestFields(call.request)
            let channel = MessageTemplate.Channel(rawValue: fields.string("channel"))
            let address = fields.string("address", maxLength: 254)
            let locale = fields.optionalString("locale", maxLength: 12) ?? "en"
            if fields.has("channel"), channel == nil { fields.refuse("channel", "must be email or sms") }
            if !Contact.isLocale(locale) { fields.refuse("locale", "must be a language such as de or pt-BR") }
            switch channel {
            case .email where !Contact.isMail(address):
                fields.refuse("address", "must be one e-mail address such as ada@example.org")
            case .sms where !Contact.isNumber(address):
                fields.refuse("address", "must be a telephone number such as +4942112345678")
            default: break
            }
            try fields.check()
            guard let channel, let contact = Contact(channel: channel, address: address, locale: locale)
            else {
                throw Problem.invalidFields
            }
            return services.later {
                let isKept = try await services.contacts.put(
                    contact,
                    onSale: token.onSale,
                    arrival: token.arrival,
                    place: token.place
                )
                guard isKept else { throw Problem.unknownPlace }
                let body = JSONWriter.object { json in
                    json.field("channel", contact.channel.rawValue)
                    json.field("address", contact.address)
                    json.field("locale", contact.locale)
                }
                return .json(body, headers: ["Cache-Control": "private, no-store"])
            }
        },
        Operation(
            "deleteContact",
            .delete,
            "/v1/places/{id}/contact",
            .place,
            "Forgets how the buyer of a place was to be told.",
            success: (204, nil),
            problems: [.wrongPlace, .outcomeUnknown]
        ) { services, call in
            let token = try call.place(services)
            return services.later {
                try await services.contacts.remove(onSale: token.onSale, arrival: token.arrival)
                return HTTPResponse(status: 204)
            }
        },
        Operation(
            "getUnsubscribe",
            .get,
            "/unsubscribe/{token}",
            .anyone,
            "A page that asks whether messages should end. Looking at it ends nothing.",
            success: (200, nil),
            problems: [.invalidToken]
        ) { services, call in
            _ = try unsubscription(services, call)
            return .now(UnsubscribePage.question)
        },
        Operation(
            "unsubscribe",
            .post,
            "/unsubscribe/{token}",
            .anyone,
            "Ends all messages to a place's contact; mail programs do it by RFC 8058.",
            success: (200, nil),
            problems: [.invalidToken, .outcomeUnknown]
        ) { services, call in
            let token = try unsubscription(services, call)
            return services.later {
                try await services.contacts.unsubscribe(token)
                return UnsubscribePage.done
            }
        },
    ]

    private static func unsubscription(_ services: Services, _ call: Call) throws -> UnsubscribeToken {
        try UnsubscribeToken(call.parameters["token"], keys: try services.keys.current())
    }
}

/// The two pages behind the address at the end of a message.
enum UnsubscribePage {
    static let question = answer(
        """
        <h1>No more messages?</h1><p>Your place in line stays as it is.</p>
        <form method="post"><button>Send me no more messages</button></form>
        """
    )
    static let done = answer("<h1>Done</h1><p>You will get no more messages about this sale.</p>")

    private static let page = HTMLPage(
        style: "body{font:18px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}"
            + "button{font:inherit;padding:.6rem 1rem}"
            + "@media(prefers-color-scheme:dark){body{color:#eee;background:#16181c}}",
        formAction: "'self'"
    )

    private static func answer(_ content: String) -> HTTPResponse {
        page.response(title: "Messages", content: content, caching: "no-store")
    }
}
