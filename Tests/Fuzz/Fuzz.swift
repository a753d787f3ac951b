import Foundation

/// What libFuzzer calls with one input after the other; `FUZZ_TARGET` says who reads them.
///
/// With `FUZZ_SEEDS` nothing is fuzzed: the target's seeds are written to that directory.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target.check(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

private let target: any FuzzTarget.Type = {
    let environment = ProcessInfo.processInfo.environment
    let name = environment["FUZZ_TARGET"] ?? ""
    guard let found = FuzzTargets.all.first(where: { $0.name == name }) else {
        let names = FuzzTargets.all.map { $0.name }.joined(separator: ", ")
        fatalError("FUZZ_TARGET must be one of \(names)")
    }
    if let directory = environment["FUZZ_SEEDS"] {
        for (number, seed) in found.seeds.enumerated() where seed.count <= 4_096 {
            FileManager.default.createFile(atPath: "\(directory)/seed-\(number)", contents: Data(seed))
        }
        // An ordinary end would be taken for a finding.
        _exit(0)
    }
    return found
}()
