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
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"], swiftSettings: views),
        .target(name: "Wire", swiftSettings: views),
        .target(
            name: "OpenVPNCore", dependencies: ["OpenSSL", "PluginABI", "Wire"], path: "Plugins/OpenVPN/Core",
            swiftSettings: house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .target(
            name: "OpenVPNTestClient", dependencies: ["OpenVPNCore", "OpenSSL", "PluginABI", "Wire"],
            path: "Tests/OpenVPNTestClient", swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .testTarget(
            name: "OpenVPNTests",
            dependencies: ["OpenVPNCore", "OpenVPNTestClient", "OpenSSL", "PluginABI", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
    ]
)
