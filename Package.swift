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
    dependencies: [
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0")
    ],
    targets: [
        // System libraries and the C that Swift cannot say.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(name: "CLibFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"]), .brew(["libffi"])]),
        .systemLibrary(name: "CSlirp"),
        .target(name: "CNftables", linkerSettings: [.linkedLibrary("nftables", .when(platforms: [.linux]))]),
        .target(name: "CLinux", dependencies: ["PluginABI"]),

        // Pure: no IO, no clock.
        .target(name: "PluginABI", exclude: ["CONVENTIONS.md", "CHANGELOG.md", "template.c"]),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "Hub", dependencies: ["PluginABI", "Wire"], swiftSettings: dataPath),
        .target(name: "LayerConverter", dependencies: ["Wire"], swiftSettings: views),

        // The host.
        .target(name: "OpenSSL", dependencies: ["COpenSSL"], swiftSettings: views),
        .target(
            name: "Lanes", dependencies: ["CLinux", "COpenSSL", "PluginABI", "Wire"], swiftSettings: dataPath),
        .target(name: "LocalBridge", dependencies: ["CLinux", "Wire"], swiftSettings: house),
        .target(
            name: "SecureNAT", dependencies: ["CLinux", "CNftables", "CSlirp", "LocalBridge", "Wire"],
            swiftSettings: views),
        .target(
            name: "Sessions", dependencies: ["Hub", "Lanes", "LayerConverter", "PluginABI", "Wire"],
            swiftSettings: dataPath + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "Modules",
            dependencies: [
                "CLibFFI", "Hub", "Lanes", "LayerConverter", "OpenSSL", "PluginABI", "Sessions", "TOMLKit", "Wire",
            ], swiftSettings: dataPath),

        // Modules.
        .target(
            name: "OpenVPNCore", dependencies: ["OpenSSL", "PluginABI", "Wire"], path: "Plugins/OpenVPN/Core",
            swiftSettings: dataPath),

        // Tests and what they share.
        .target(name: "NetworkNamespace", path: "Tests/Support/NetworkNamespace", swiftSettings: tests),
        .testTarget(name: "HubTests", dependencies: ["Hub", "PluginABI", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "LanesTests", dependencies: ["CLinux", "Lanes", "PluginABI", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "LocalBridgeTests", dependencies: ["LocalBridge", "NetworkNamespace", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "OpenVPNTests", dependencies: ["OpenVPNCore", "OpenSSL", "PluginABI", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "SecureNATTests", dependencies: ["LocalBridge", "NetworkNamespace", "SecureNAT", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
    ]
)
