internal import HTTP
internal import Reactor

/// What some try that they shouldn't. Every one of these has to be refused.
extension Buyer {
    /// Plays the buyer's trick, if they have one for the time in line.
    func misbehave(_ place: Place) async {
        switch plan.mischief {
        case .forges: await forge(place)
        case .impersonates: await impersonate(place)
        case .skipsLine: await skipLine(place)
        case .exceedsLimit, nil: break
        }
    }

    /// Asks for one more than the limit.
    func askForTooMany(_ admission: String) async {
        let body = JSONWriter.object { writer in
            writer.field("tier", room.tiers[plan.tiers[0]])
            writer.field("quantity", room.limit + 1)
        }
        let answer = await client.send(
            .post,
            "/v1/reservations",
            token: admission,
            key: "buyer-\(number)-too-many",
            body: body
        )
        guard let answer else { return }
        if answer.isSuccess { tally.broken("more than \(room.limit) tickets were held at once") }
        if ![401, 403, 409, 410, 422].contains(answer.status) { unexpected(answer, "too many") }
    }

    private func forge(_ place: Place) async {
        let path = "/v1/places/\(place.id)"
        await expectRefusal("a changed place token") {
            await client.send(.get, path, token: Self.changed(place.token))
        }
        await expectRefusal("a changed place token at admission") {
            await client.send(.post, "\(path)/admission", token: Self.changed(place.token))
        }
        let body = JSONWriter.object { writer in
            writer.field("tier", room.tiers[plan.tiers[0]])
            writer.field("quantity", 1)
        }
        // The wrong kind of token, and one that nobody signed.
        for (what, token) in [
            ("a place token to hold", place.token), ("a made-up token to hold", "AAAAAQ" + place.token),
        ] {
            await expectRefusal(what) {
                await client.send(
                    .post,
                    "/v1/reservations",
                    token: token,
                    key: "buyer-\(number)-forged",
                    body: body
                )
            }
        }
    }

    private func impersonate(_ place: Place) async {
        guard let other = tally.now.ledger.places.first(where: { $0 != place.id }) else { return }
        await expectRefusal("somebody else's place") {
            await client.send(.get, "/v1/places/\(other)", token: place.token)
        }
        await expectRefusal("leaving for somebody else") {
            await client.send(.delete, "/v1/places/\(other)", token: place.token)
        }
    }

    private func skipLine(_ place: Place) async {
        guard let answer = await client.send(.post, "/v1/places/\(place.id)/admission", token: place.token)
        else { return }
        guard answer.isSuccess else {
            tally.change { $0.rejectedForgeries += 1 }
            return
        }
        // It may have been their turn already: then serving says so, which never moves back.
        let view = await client.send(.get, "/v1/places/\(place.id)", token: place.token)
        let status = await client.send(.get, "/v1/on-sales/\(room.onSale)/status")
        let number = view?.body["number"]?.int ?? .max
        let serving = status?.body["serving"]?.int ?? 0
        if number > serving { tally.broken("promise 6: number \(number) came in while serving \(serving)") }
    }

    private func expectRefusal(_ what: String, _ ask: () async -> BuyerClient.Answer?) async {
        guard let answer = await ask() else { return }
        if answer.isSuccess {
            tally.broken("promise 6: \(what) was accepted")
        } else if [400, 401, 403, 404].contains(answer.status) {
            tally.change { $0.rejectedForgeries += 1 }
        } else {
            unexpected(answer, what)
        }
    }

    /// The token with one character in its middle replaced.
    static func changed(_ token: String) -> String {
        var characters = Array(token)
        guard !characters.isEmpty else { return "x" }
        let middle = characters.count / 2
        characters[middle] = characters[middle] == "A" ? "B" : "A"
        return String(characters)
    }
}
