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
/// Targets that run on the lanes: their objects belong to one thread, so exclusivity needs no check at run time.
let dataPath: [SwiftSetting] = house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]
/// Tests may be terse about memory; they are as strict about everything else.
let tests: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
    name: "polyhub",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "PluginABI", exclude: ["CONVENTIONS.md", "CHANGELOG.md", "template.c"]),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "Hub", dependencies: ["PluginABI", "Wire"], swiftSettings: dataPath),
        .testTarget(name: "HubTests", dependencies: ["Hub", "PluginABI", "Wire"], swiftSettings: tests),
        .target(name: "PluginABI"),
        .target(name: "CLinux", dependencies: ["PluginABI"]),
        .target(
            name: "Lanes", dependencies: ["CLinux", "PluginABI", "Wire"],
            // Handlers re-enter their lane; confinement to one thread is what makes that exclusive.
            swiftSettings: house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"], swiftSettings: views),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "CNftables", linkerSettings: [.linkedLibrary("nftables", .when(platforms: [.linux]))]),
        .systemLibrary(name: "CSlirp"),
        .target(name: "LocalBridge", dependencies: ["CLinux", "Wire"], swiftSettings: house),
        .target(name: "NetworkNamespace", path: "Tests/Support/NetworkNamespace", swiftSettings: tests),
        .testTarget(
            name: "LocalBridgeTests", dependencies: ["LocalBridge", "NetworkNamespace", "Wire"], swiftSettings: tests),
        .target(
            name: "OpenVPNCore", dependencies: ["OpenSSL", "PluginABI", "Wire"], path: "Plugins/OpenVPN/Core",
            swiftSettings: house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .testTarget(
            name: "OpenVPNTests", dependencies: ["OpenVPNCore", "OpenSSL", "PluginABI", "Wire"],
            name: "LocalBridgeTests", dependencies: ["LocalBridge", "NetworkNamespace", "Wire"],
            swiftSettings: tests),
        .target(
            name: "SecureNAT", dependencies: ["CLinux", "CNftables", "CSlirp", "LocalBridge", "Wire"],
            swiftSettings: views),
        .testTarget(
            name: "SecureNATTests", dependencies: ["LocalBridge", "NetworkNamespace", "SecureNAT", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
        .testTarget(name: "TidyTests", path: "Tests/Tidy", exclude: ["allow.txt"], swiftSettings: tests),
        .testTarget(
            name: "LanesTests", dependencies: ["CLinux", "Lanes", "PluginABI", "Wire"], swiftSettings: tests),
    ]
)
