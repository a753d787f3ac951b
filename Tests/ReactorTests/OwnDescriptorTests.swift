import CLinux
import Glibc
import Reactor
import Testing

@Suite(.timeLimit(.minutes(5)))
struct OwnDescriptorTests {
    @Test func `Loops with tables of their own hold more descriptors than the process may have`() async throws
    {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Three quarters of what one table holds, twice.
        let each = min(15_000, Int(limit.rlim_cur) * 3 / 4)
        let group = try EventLoopGroup(count: 2, name: "own", ownDescriptors: true)
        #expect(group.haveOwnDescriptors)
        let counts = try await withThrowingTaskGroup { tasks in
            for loop in group.loops {
                tasks.addTask {
                    await withCheckedContinuation { continuation in
                        loop.execute {
                            var opened: [Int32] = []
                            while opened.count < each {
                                let descriptor = eventfd(0, Int32(USHER_EVENTFD_FLAGS))
                                if descriptor < 0 { break }
                                opened.append(descriptor)
                            }
                            continuation.resume(returning: opened)
                        }
                    }
                }
            }
            var all: [[Int32]] = []
            for try await opened in tasks { all.append(opened) }
            return all
        }
        #expect(counts.map(\.count) == [each, each])
        // The same numbers, and not the same things.
        #expect(!Set(counts[0]).isDisjoint(with: counts[1]))
        // A stopped loop's table goes with its thread, and all that is in it.
        group.stop()
    }
}
