internal import HTTP
internal import Reactor

/// All buyers of a demo, each with a connection of their own where the system lets us have so many.
struct Crowd: Sendable {
    let count: Int
    let seed: UInt64
    let room: DemoRoom
    let tierCapacities: [Int]
    /// How many in a hundred are told on a WebSocket.
    let live: Int
    let endpoint: HTTPEndpoint
    let loops: EventLoopGroup
    let tally: DemoTally

    /// Lets everybody come, and returns when the last has gone.
    func run() async {
        let client = HTTPClient(
            loops: loops,
            configuration: .init(connectionsPerEndpoint: 128, requestTimeout: .seconds(20))
        )
        let lines = loops.loops.compactMap { LiveLine(loop: $0, endpoint: endpoint, onSale: room.onSale) }
        await withDiscardingTaskGroup { group in
            for number in 0..<count {
                let plan = BuyerPlan(
                    number: number,
                    seed: seed,
                    pace: room.pace,
                    tierCapacities: tierCapacities,
                    limit: room.limit,
                    live: live
                )
                let connection = client.connection(to: endpoint)
                let browser = BuyerClient(
                    connection: connection,
                    others: client,
                    endpoint: endpoint,
                    tally: tally,
                    deadline: room.deadline
                )
                let buyer = Buyer(
                    number: number,
                    plan: plan,
                    room: room,
                    client: browser,
                    live: lines.first { $0.loop === connection.eventLoop },
                    tally: tally
                )
                group.addTask(executorPreference: connection.eventLoop) { await buyer.run() }
            }
        }
        for line in lines { line.stop() }
        await client.shutdown()
    }
}
