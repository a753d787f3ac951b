internal import BoxOffice
internal import HTTP
internal import Reactor

/// One person with a browser, from arrival to a ticket or to none.
struct Buyer: Sendable {
    /// A place in line, as its holder knows it.
    struct Place: Sendable {
        let id: String
        let token: String
    }

    let number: Int
    let plan: BuyerPlan
    let room: DemoRoom
    let client: BuyerClient
    /// Where those are told who follow the on-sale on a socket.
    let live: LiveLine?
    let tally: DemoTally

    /// Lives through the on-sale.
    func run() async {
        await pause(until: room.opens + plan.arrival)
        tally.change { $0.arrived += 1 }
        defer { tally.change { $0.finished += 1 } }
        guard let place = await join() else { return }
        await misbehave(place)
        guard await waitInLine(place) else { return }
        guard let admission = await comeIn(place) else { return }
        await shop(admission)
        if plan.logsOut { await leave(place) }
    }

    // MARK: Joining

    private func join() async -> Place? {
        let secret = Base64URL.encode(SecureBytes.random(16))
        let body = JSONWriter.object { $0.field("secret", secret) }
        let path = "/v1/on-sales/\(room.onSale)/places"
        async let again = plan.doubleClicks ? client.send(.post, path, body: body, second: true) : nil
        var answer = await client.send(.post, path, body: body)
        while let early = answer, early.code == "not_open", MonotonicTime.now < room.deadline {
            try? await Task.sleep(for: .seconds(Double.random(in: 0.3...1) * Double(early.retryAfter ?? 1)))
            answer = await client.send(.post, path, body: body)
        }
        let second = await again
        guard let first = answer else { return nil }
        guard first.isSuccess, let id = first.body["place"]?.string, let token = first.body["token"]?.string
        else {
            if first.status == 409 || first.status == 410 {
                tally.change { $0.turnedAway += 1 }
                if first.code == "sold_out" { tally.change { $0.sawSoldOut += 1 } }
            } else {
                unexpected(first, "join")
            }
            return nil
        }
        if let second, second.isSuccess, let other = second.body["place"]?.string, other != id {
            tally.broken("promise 6: one secret got the places \(id) and \(other)")
        }
        tally.change { numbers in
            numbers.joins.add(first.took)
            if !numbers.ledger.places.insert(id).inserted {
                numbers.broken.append("promise 5: place \(id) was given twice")
            }
        }
        return Place(id: id, token: token)
    }

    // MARK: Going

    func leave(_ place: Place) async {
        guard let answer = await client.send(.delete, "/v1/places/\(place.id)", token: place.token) else {
            return
        }
        if answer.isSuccess {
            tally.change { $0.ledger.left.insert(place.id) }
        } else if answer.status != 409 && answer.status != 410 {
            unexpected(answer, "leave")
        }
    }

    /// Looks at the shared status and remembers having seen it sold out.
    func noteTheEnd() async {
        guard let state = await status()?.state else { return }
        if state == "sold_out" { tally.change { $0.sawSoldOut += 1 } }
    }

    private func status() async -> (state: String, serving: Int64)? {
        guard let answer = await client.send(.get, "/v1/on-sales/\(room.onSale)/status"),
            answer.status == 200,
            let state = answer.body["state"]?.string
        else { return nil }
        return (state, answer.body["serving"]?.int ?? 0)
    }

    // MARK: Coming in

    private func comeIn(_ place: Place) async -> String? {
        while MonotonicTime.now < room.deadline {
            guard
                let answer = await client.send(.post, "/v1/places/\(place.id)/admission", token: place.token)
            else {
                return nil
            }
            switch answer.status {
            case 200:
                guard let token = answer.body["admission_token"]?.string else {
                    unexpected(answer, "admission")
                    return nil
                }
                tally.change { $0.ledger.admitted.insert(place.id) }
                return token
            case 409:
                if answer.code == "sold_out" {
                    tally.change { $0.sawSoldOut += 1 }
                    return nil
                }
                guard answer.code == "not_yet" || answer.code == "full" else {
                    if answer.code != "closed" { unexpected(answer, "admission") }
                    return nil
                }
                try? await Task.sleep(
                    for: .seconds(Double(answer.retryAfter ?? 1) * Double.random(in: 0.7...1))
                )
            case 410: return nil
            default:
                unexpected(answer, "admission")
                return nil
            }
        }
        return nil
    }

    // MARK: Buying

    private func shop(_ admission: String) async {
        await hesitate()
        if plan.mischief == .exceedsLimit { await askForTooMany(admission) }
        guard var hold = await hold(admission) else { return }
        tally.change { $0.holding += 1 }
        defer { tally.change { $0.holding -= 1 } }
        await hesitate()
        if plan.extends {
            _ = await client.send(.post, "\(hold.path)/extend", token: admission, key: key("extend"))
        }
        switch plan.character {
        case .releases:
            await release(hold, admission)
        case .letsExpire:
            await awaitEnd(of: hold, admission)
        case .isDeclined:
            await pay(&hold, "tok_declined", admission, attempt: 1)
            guard hold.state == "held" else { return }
            await hesitate()
            if plan.hasSecondCard {
                await pay(&hold, "tok_visa", admission, attempt: 2)
            } else {
                await release(hold, admission)
            }
        case .buys, .givesUp, .missesTurn:
            await pay(&hold, "tok_visa", admission, attempt: 1)
            // A provider may decline a good card, too: once more, then let go.
            if hold.state == "held" { await pay(&hold, "tok_visa", admission, attempt: 2) }
            if hold.state == "held" { await release(hold, admission) }
        }
    }

    /// A reservation, as its holder knows it.
    private struct Hold {
        let id: ReservationID
        let quantity: Int
        var state = "held"

        var path: String { "/v1/reservations/\(id.publicID)" }
    }

    /// Tries the tiers in the order of liking, then fewer tickets, then waits for what comes back.
    private func hold(_ admission: String) async -> Hold? {
        var quantity = plan.quantity
        var attempt = 0
        while MonotonicTime.now < room.deadline {
            for tier in plan.tiers {
                attempt += 1
                let outcome = await hold(quantity, of: room.tiers[tier], admission, attempt: attempt)
                switch outcome {
                case .held(let hold): return hold
                case .soldOut: continue
                case .ended: return nil
                }
            }
            if quantity > 1 {
                quantity -= 1
                continue
            }
            guard let state = await status()?.state else { return nil }
            if state == "sold_out" { tally.change { $0.sawSoldOut += 1 } }
            guard state == "admitting" || state == "paused" else { return nil }
            try? await Task.sleep(for: .seconds(Double.random(in: 0.8...1.6)))
        }
        return nil
    }

    private enum HoldOutcome {
        case held(Hold)
        case soldOut
        case ended
    }

    private func hold(
        _ quantity: Int,
        of tier: String,
        _ admission: String,
        attempt: Int
    ) async -> HoldOutcome {
        let body = JSONWriter.object { writer in
            writer.field("tier", tier)
            writer.field("quantity", quantity)
        }
        let key = key("hold-\(attempt)")
        async let again =
            plan.doubleClicks
            ? client.send(.post, "/v1/reservations", token: admission, key: key, body: body, second: true)
            : nil
        let first = await client.send(.post, "/v1/reservations", token: admission, key: key, body: body)
        let second = await again
        guard let first else { return .ended }
        switch first.status {
        case 200, 201:
            guard let name = first.body["reservation"]?.string, let id = ReservationID(publicID: name) else {
                unexpected(first, "hold")
                return .ended
            }
            if let second, second.isSuccess, let other = second.body["reservation"]?.string, other != name {
                tally.broken("promise 8: one Idempotency-Key got the reservations \(name) and \(other)")
            }
            let hold = Hold(id: id, quantity: quantity)
            tally.change { numbers in
                numbers.holds.add(first.took)
                numbers.ledger.holds.insert(.init(reservation: id, quantity: quantity))
            }
            return .held(hold)
        case 409 where first.code == "sold_out":
            return .soldOut
        case 409 where first.code == "contended":
            try? await Task.sleep(for: .seconds(Double.random(in: 0.2...1)))
            return .soldOut
        case 401, 403, 410:
            // The session has ended.
            return .ended
        case 409:
            unexpected(first, "hold")
            return .soldOut
        default:
            unexpected(first, "hold")
            return .ended
        }
    }

    private func release(_ hold: Hold, _ admission: String) async {
        guard let answer = await client.send(.delete, hold.path, token: admission) else { return }
        if answer.isSuccess {
            tally.change { $0.ledger.released.insert(hold.id) }
        } else if answer.status != 409 && answer.status != 410 {
            unexpected(answer, "release")
        }
    }

    /// Checks out and waits for what becomes of it.
    private func pay(_ hold: inout Hold, _ method: String, _ admission: String, attempt: Int) async {
        let body = JSONWriter.object { $0.field("payment_method", method) }
        let answer = await client.send(
            .post,
            "\(hold.path)/checkout",
            token: admission,
            key: key("pay-\(attempt)"),
            body: body
        )
        guard let answer else { return }
        if !answer.isSuccess {
            guard answer.status == 409 else {
                if answer.status != 410 { unexpected(answer, "checkout") }
                hold.state = "gone"
                return
            }
            // It ran out, or the answer to an earlier click was lost: the reservation says which.
        }
        while MonotonicTime.now < room.deadline {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 300...700)))
            guard let view = await client.send(.get, hold.path, token: admission) else { return }
            guard view.status == 200, let state = view.body["state"]?.string else {
                unexpected(view, "reservation")
                return
            }
            hold.state = state
            switch state {
            case "paying": continue
            case "sold":
                let line = BuyerLedger.Hold(reservation: hold.id, quantity: hold.quantity)
                tally.change { numbers in
                    if numbers.ledger.sold.insert(line).inserted { numbers.ticketsSold += line.quantity }
                }
                return
            case "held":
                tally.change { $0.declined += 1 }
                return
            case "expired":
                tally.change { $0.expired += 1 }
                return
            default: return
            }
        }
    }

    /// Watches a hold run out.
    private func awaitEnd(of hold: Hold, _ admission: String) async {
        while MonotonicTime.now < room.deadline {
            guard let view = await client.send(.get, hold.path, token: admission), view.status == 200 else {
                return
            }
            let state = view.body["state"]?.string
            if state == "expired" { tally.change { $0.expired += 1 } }
            guard state == "held" || state == "paying" else { return }
            try? await Task.sleep(for: .seconds(Double.random(in: 0.8...1.6)))
        }
    }

    // MARK: Clicking

    private func key(_ what: String) -> String { "buyer-\(number)-\(what)" }

    private func hesitate() async {
        try? await Task.sleep(for: plan.hesitation)
    }

    private func pause(until moment: MonotonicTime) async {
        let wait = moment - .now
        if wait > .zero { try? await Task.sleep(for: wait) }
    }

    func unexpected(_ answer: BuyerClient.Answer, _ what: String) {
        tally.change { $0.unexpected["\(what): \(answer.status) \(answer.code ?? "")", default: 0] += 1 }
    }
}
