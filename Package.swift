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
/// Modules export one symbol, and a Swift image is never unmapped.
let moduleLinkage: [LinkerSetting] = [
    .unsafeFlags([
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/exports.map",
        "-Xlinker", "-z", "-Xlinker", "nodelete",
    ])
]

let package = Package(
    name: "polyhub",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "EchoModule", type: .dynamic, targets: ["EchoModule"]),
        .library(name: "OpenVPN", type: .dynamic, targets: ["OpenVPN"]),
    ],
    targets: [
        .target(name: "PluginABI", exclude: ["CONVENTIONS.md", "CHANGELOG.md", "template.c"]),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "Hub", dependencies: ["PluginABI", "Wire"], swiftSettings: dataPath),
        .testTarget(name: "HubTests", dependencies: ["Hub", "PluginABI", "Wire"], swiftSettings: tests),
        .systemLibrary(name: "CLibFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
        .target(
            name: "PluginKit", dependencies: ["CLibFFI", "PluginABI", "Wire"],
            swiftSettings: dataPath + [.enableExperimentalFeature("Lifetimes")]),
        .testTarget(
            name: "PluginKitTests", dependencies: ["PluginKit", "PluginABI", "Wire"], swiftSettings: tests),
        .target(
            name: "EchoModule", dependencies: ["PluginABI", "PluginKit"], path: "Tests/Modules/EchoModule",
            swiftSettings: dataPath, linkerSettings: moduleLinkage),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"], swiftSettings: views),
        .target(
            name: "OpenVPNCore", dependencies: ["OpenSSL", "PluginABI", "Wire"], path: "Plugins/OpenVPN/Core",
            swiftSettings: house + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .target(
            name: "OpenVPNAdapter", dependencies: ["OpenSSL", "OpenVPNCore", "PluginKit", "Wire"],
            path: "Plugins/OpenVPN/Adapter", swiftSettings: dataPath),
        .target(
            name: "OpenVPN", dependencies: ["OpenVPNAdapter", "PluginABI", "PluginKit"],
            path: "Plugins/OpenVPN/Module", swiftSettings: house, linkerSettings: moduleLinkage),
        .testTarget(
            name: "OpenVPNTests", dependencies: ["OpenVPNCore", "OpenSSL", "PluginABI", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
    ]
)
