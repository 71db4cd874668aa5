#if os(Linux)
import CLinux
import Foundation
import Testing

@Suite struct CapabilityTests {
    /// Capabilities belong to threads, so this one loses its own.
    @Test func `what is not kept is given up for good`() async throws {
        let status = try await withCheckedThrowingContinuation { answer in
            Thread {
                let result = clinux_capabilities_keep(1 << 10)
                let text = try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
                answer.resume(with: .success((result, text ?? "")))
            }.start()
        }
        #expect(status.0 == 0)
        func value(_ name: String) -> UInt64? {
            let line = status.1.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line.flatMap { UInt64($0.split(separator: "\t").last ?? "", radix: 16) }
        }
        #expect(value("NoNewPrivs") == 1)
        for set in ["CapEff", "CapPrm", "CapBnd"] {
            #expect((value(set) ?? .max) & ~(1 << 10) == 0, "\(set)")
        }
        #expect(value("CapAmb") == 0)
        #expect(value("CapInh") == 0)
    }
}
#endif
