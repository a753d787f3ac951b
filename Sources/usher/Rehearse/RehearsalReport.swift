internal import BoxOffice
internal import HTTP

/// What a rehearsal found.
///
/// All of it but the machine's times is the same for the same plan, crowd and seed.
struct RehearsalReport: Sendable {
    /// What became of a price level.
    struct Tier: Sendable, Equatable {
        var id: String
        var capacity: Int
        var sold: Int
    }

    var title: String
    var seed: UInt64
    var ratePerMinute: Int
    var activeLimit: Int
    var noShow: Double
    /// The second at which the draw was made; nil when it wasn't.
    var drawnAt: Int?
    var ending: RehearsalPlay.Ending
    var tiers: [Tier]
    var tally: RehearsalTally
    var learnedNoShow: Double
    var machine: RehearsalMachine

    var capacity: Int { tiers.reduce(0) { $0 + $1.capacity } }
    var sold: Int { tiers.reduce(0) { $0 + $1.sold } }

    /// The part of the admission's time that a reason bound it, from 0 to 1.
    func part(of reason: AdmissionLaw.Reason) -> Double {
        let all = tally.bound.values.reduce(0, +)
        return all == 0 ? 0 : Double(tally.bound[reason, default: 0]) / Double(all)
    }

    /// What bound it, in a sentence that says what would change that.
    var advice: String {
        guard let reason = tally.bottleneck else { return "Nobody was called: the sale was over before." }
        let share = "\(Int((part(of: reason) * 100).rounded())) % of the time"
        switch reason {
        case .rate:
            return "The rate bound it \(share): \(ratePerMinute) a minute is what decides, "
                + "and at most \(tally.peakInside) of \(activeLimit) were inside at once."
        case .limit:
            return "The limit bound it \(share): \(activeLimit) may be inside at once, and so many were "
                + "inside or on their way; a higher limit or shorter visits would let more in, a higher rate nobody."
        case .stock:
            return "The stock bound it \(share): whoever was inside or called had a claim on every free "
                + "ticket; quicker buyers, or a shorter session_seconds and hold_seconds, would free them sooner."
        case .pressure:
            return
                "This machine could not keep up \(share), which lowered the rate: the gateways, workers and "
                + "database of the sale itself must be faster."
        case .failOpen:
            return "Everyone was let through \(share): only the stock decided."
        case .line:
            return "The line bound it \(share): nobody was waiting, so other rules would sell no more."
        }
    }

    // MARK: JSON

    /// One line of JSON.
    var json: String {
        String(decoding: JSONWriter.object { write(to: &$0, withMachine: true) }, as: UTF8.self)
    }

    /// The part of it that is the same for the same seed.
    var outcome: String {
        String(decoding: JSONWriter.object { write(to: &$0, withMachine: false) }, as: UTF8.self)
    }

    private func write(to json: inout JSONWriter, withMachine: Bool) {
        json.field("title", title)
        json.field("seed", seed)
        json.field("drawn_at", drawnAt)
        json.field("ended", endingName)
        json.field("ended_at", ending.second)
        if case .soldOut(let second) = ending {
            json.field("sold_out_at", second)
        } else {
            json.field("sold_out_at", JSONValue.null)
        }
        json.field("capacity", capacity)
        json.field("sold", sold)
        json.array("tiers") { list in
            for tier in tiers {
                list.object { json in
                    json.field("id", tier.id)
                    json.field("capacity", tier.capacity)
                    json.field("sold", tier.sold)
                    json.field("left", tier.capacity - tier.sold)
                }
            }
        }
        json.object("buyers") { json in
            json.field("came", tally.buyers)
            json.field("joined", tally.joined)
            json.field("turned_away", tally.turnedAway)
            json.field("gave_up", tally.gaveUp)
            json.field("called", tally.called)
            json.field("no_shows", tally.noShows)
            json.field("came_late", tally.cameLate)
            json.field("came_in", tally.cameIn)
            json.field("held", tally.held)
            json.field("walked_away", tally.walkedAway)
            json.field("found_nothing", tally.foundNothing)
            json.field("bought", tally.bought)
        }
        Self.write("wait_to_called", tally.waitsToCalled, to: &json)
        Self.write("wait_to_sold", tally.waitsToSold, to: &json)
        json.field("peak_line", tally.peakLine)
        json.field("peak_inside", tally.peakInside)
        json.field("no_show_learned", Self.rounded(learnedNoShow, 1000))
        json.array("sold_per_minute") { for tickets in tally.perMinute { $0.value(tickets) } }
        json.object("bound_seconds") { json in
            for reason in [AdmissionLaw.Reason.rate, .pressure, .limit, .stock, .line] {
                json.field(reason.rawValue, tally.bound[reason, default: 0])
            }
        }
        json.field("bottleneck", tally.bottleneck?.rawValue)
        json.field("advice", advice)
        guard withMachine else { return }
        json.object("machine") { json in
            json.field("kept_up", machine.keptUp)
            json.field("played_seconds", machine.played)
            json.field("seconds", Self.rounded(machine.seconds, 10))
            for (name, samples) in [
                ("step", machine.steps), ("tick", machine.ticks), ("join", machine.joins),
                ("hold", machine.holds),
            ] {
                json.field("\(name)_p50_ms", Self.rounded(samples.percentile(0.5) ?? 0, 10))
                json.field("\(name)_p99_ms", Self.rounded(samples.percentile(0.99) ?? 0, 10))
            }
        }
    }

    private var endingName: String {
        switch ending {
        case .soldOut: "sold_out"
        case .closed: "closed"
        case .nobodyLeft: "nobody_left"
        }
    }

    private static func write(_ name: String, _ waits: [Int], to json: inout JSONWriter) {
        let samples = Samples(waits.map(Double.init))
        json.object(name) { json in
            for part in [50, 90, 99] {
                json.field("p\(part)", samples.percentile(Double(part) / 100).map { Int($0) })
            }
        }
    }

    /// A number in whole parts of `scale`.
    static func rounded(_ value: Double, _ scale: Double) -> Double { (value * scale).rounded() / scale }
}
