import Foundation
import FuzzTargets
import Testing

/// The inputs that fuzzing starts from, and those that once crashed, run once each.
@Suite struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Corpus").standardizedFileURL

    @Test(arguments: FuzzTarget.all.map(\.name)) func `no input of the corpus crashes its target`(
        name: String
    ) throws {
        let target = try #require(FuzzTarget.named(name))
        let files = try FileManager.default.contentsOfDirectory(
            at: Self.folder.appending(path: name), includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files { target.run(Array(try Data(contentsOf: file))) }
    }
}
