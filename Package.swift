// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 language mode, warnings are errors, every `unsafe` is visible.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
/// Targets that define ~Escapable views of their own.
let views: [SwiftSetting] = house + [.enableExperimentalFeature("Lifetimes")]
/// Tests may be terse about memory; they are as strict about everything else.
let tests: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
    name: "polyhub",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "PluginABI"),
        .target(name: "CLinux", dependencies: ["PluginABI"]),
        .target(
            name: "Lanes", dependencies: ["CLinux", "COpenSSL", "PluginABI", "Wire"],
            // Handlers re-enter their lane; confinement to one thread is what makes that exclusive.
            swiftSettings: house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .executableTarget(name: "lanes-bench", dependencies: ["Lanes", "PluginABI"], swiftSettings: house),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "CNftables", linkerSettings: [.linkedLibrary("nftables", .when(platforms: [.linux]))]),
        .systemLibrary(name: "CSlirp"),
        .target(name: "LocalBridge", dependencies: ["CLinux", "Wire"], swiftSettings: house),
        .target(name: "NetworkNamespace", path: "Tests/Support/NetworkNamespace", swiftSettings: tests),
        .testTarget(
            name: "LocalBridgeTests", dependencies: ["LocalBridge", "NetworkNamespace", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
        .testTarget(
            name: "LanesTests", dependencies: ["CLinux", "Lanes", "LocalBridge", "NetworkNamespace", "PluginABI", "Wire"],
            swiftSettings: tests),
    ]
)
