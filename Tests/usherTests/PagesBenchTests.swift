import Foundation
import HTTP
import Testing

@testable import usher

/// The bench of pages behind a cache, as processes.
@Suite(.timeLimit(.minutes(5)))
struct PagesBenchTests {
    private static let vcl = URL(filePath: #filePath).appending(path: "../../../deploy/varnish/usher.vcl")
        .standardized.path

    @Test func `The pages bench sells an arena behind Varnish, and sees every change there`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "pages", "--seconds", "8", "--rate", "130", "--readers", "2", "--sockets", "20", "--vcl",
            Self.vcl, "--wait-idle", "0s",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let figure = try JSONValue(parsing: Array(result.output.utf8))
        // Some meet others who choose the same seats at the same moment.
        #expect(figure["bench"]?.string == "pages", "\(figure)")
        #expect(figure["holds"]?.int.map { $0 > 900 } == true, "\(figure)")
        // Of each tier more than 225 pairs are taken, and the first of its sections has 250: few are left.
        #expect(figure["changes"]?.int.map { $0 >= 1 } == true && figure["unseen"]?.int == 0, "\(figure)")
        #expect(figure["purge_calls"]?.int.map { $0 >= 1 } == true, "\(figure)")
        #expect(figure["hits"]?.int.map { $0 > 0 } == true, "\(figure)")
        let missing = try await BuiltProgram.run(["bench", "pages", "--vcl", "/nowhere.vcl"])
        #expect(missing.status != 0 && missing.errors.contains("/nowhere.vcl"), "\(missing.errors)")
    }
}
