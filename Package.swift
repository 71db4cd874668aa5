// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 language mode, warnings are errors, every `unsafe` is visible.
///
/// A generic type is found by its accessor. By its name, as is the default, the runtime would look through
/// all images that are loaded for the conformances that it needs, at the type's first use: on a lane, and
/// anew for each image that a swap loads.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(
        ["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"],
        .when(configuration: .release)),
]
/// Targets that define ~Escapable views of their own.
let lifetimes: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]
let views: [SwiftSetting] = house + lifetimes
/// Targets that run on the lanes: their objects belong to one thread, so exclusivity needs no check at run
/// time.
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

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
    name: "polyhub",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "polyhubd", targets: ["polyhubd"]),
        .executable(name: "polyhubctl", targets: ["polyhubctl"]),
        .executable(name: "polyhub-modcheck", targets: ["polyhub-modcheck"]),
        .library(name: "OpenVPN", type: .dynamic, targets: ["OpenVPN"]),
        .library(name: "IPsec", type: .dynamic, targets: ["IPsec"]),
        .library(name: "SSTP", type: .dynamic, targets: ["SSTP"]),
        .library(name: "SoftEther", type: .dynamic, targets: ["SoftEther"]),
        .library(name: "EchoModule", type: .dynamic, targets: ["EchoModule"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // System libraries and the C that Swift cannot say.
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .systemLibrary(
            name: "CLibFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"]), .brew(["libffi"])]),
        .systemLibrary(name: "CSlirp"),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "CNftables", linkerSettings: [.linkedLibrary("nftables", .when(platforms: [.linux]))]),
        .target(name: "CLinux", dependencies: ["PluginABI"]),

        // Pure: no IO, no clock.
        .target(name: "PluginABI", exclude: ["CONVENTIONS.md", "CHANGELOG.md", "template.c"]),
        .target(name: "Wire", swiftSettings: views),
        .target(name: "Policy", dependencies: ["Wire"], swiftSettings: views),
        .target(
            name: "Hub", dependencies: ["PluginABI", "Policy", "Wire"], swiftSettings: dataPath + lifetimes),
        .target(name: "LayerConverter", dependencies: ["Wire"], swiftSettings: views),

        // The host.
        .target(name: "OpenSSL", dependencies: ["COpenSSL"], swiftSettings: views),
        .target(name: "Zlib", dependencies: ["CZlib"], swiftSettings: house),
        .target(name: "MSCHAPv2", dependencies: ["OpenSSL"], swiftSettings: house),
        .target(name: "SoftEtherPassword", dependencies: ["OpenSSL"], swiftSettings: house),
        .target(
            name: "Lanes", dependencies: ["CLinux", "COpenSSL", "PluginABI", "Wire"],
            swiftSettings: dataPath),
        .target(
            name: "Sessions",
            dependencies: ["Hub", "Lanes", "LayerConverter", "PluginABI", "Policy", "Wire"],
            swiftSettings: dataPath + lifetimes),
        .target(
            name: "Modules",
            dependencies: [
                "CLibFFI", "CLinux", "Hub", "Lanes", "LayerConverter", "OpenSSL", "PluginABI", "Sessions",
                "TOMLKit", "Wire",
            ], swiftSettings: dataPath),
        .target(name: "LocalBridge", dependencies: ["CLinux", "Wire"], swiftSettings: house),
        .target(
            name: "SecureNAT", dependencies: ["CLinux", "CNftables", "CSlirp", "LocalBridge", "Wire"],
            swiftSettings: views),
        .target(
            name: "Accounts",
            dependencies: [
                "COpenSSL", "MSCHAPv2", "OpenSSL", "Policy", "SoftEtherPassword", "TOMLKit", "Wire", grdb,
            ],
            swiftSettings: house),
        .target(name: "Journal", dependencies: [logging], swiftSettings: house),
        .target(name: "ControlRequests", dependencies: ["Policy"], swiftSettings: house),
        .target(
            name: "Control", dependencies: ["Accounts", "ControlRequests", "Journal", "Policy"] + nio,
            swiftSettings: house),
        .executableTarget(
            name: "polyhubd",
            dependencies: [
                "Accounts", "CLinux", "Control", "ControlRequests", "Hub", "Journal", "Lanes",
                "LayerConverter", "LocalBridge", "MSCHAPv2", "Modules", "OpenSSL", "PluginABI", "Policy",
                "SecureNAT", "Sessions", "SoftEtherPassword", "Wire", argumentParser, logging,
            ], path: "Sources/Host", swiftSettings: house),
        .executableTarget(
            name: "polyhubctl", dependencies: ["ControlRequests", "Policy", argumentParser],
            swiftSettings: house),

        .executableTarget(
            name: "polyhub-modcheck",
            dependencies: [
                "CLinux", "Hub", "Lanes", "Modules", "OpenSSL", "PluginABI", "Sessions", "Wire",
                argumentParser,
            ], swiftSettings: tests),

        // Modules.
        .target(
            name: "PluginKit", dependencies: ["CLibFFI", "PluginABI", "Wire"],
            swiftSettings: dataPath + lifetimes),
        .target(
            name: "EngineParts", dependencies: ["PluginABI", "Wire"], path: "Plugins/Common/EngineParts",
            swiftSettings: dataPath),
        .target(
            name: "ESP", dependencies: ["EngineParts", "OpenSSL", "PluginABI", "Wire"],
            path: "Plugins/Common/ESP",
            swiftSettings: dataPath),
        .target(
            name: "IKEv1", dependencies: ["EngineParts", "ESP", "OpenSSL", "Wire"],
            path: "Plugins/Common/IKEv1", swiftSettings: views),
        .target(
            name: "L2TP", dependencies: ["EngineParts", "OpenSSL", "Wire"], path: "Plugins/Common/L2TP",
            swiftSettings: views),
        .target(
            name: "IPsecCore",
            dependencies: ["EngineParts", "ESP", "IKEv1", "L2TP", "OpenSSL", "PPP", "PluginABI", "Wire"],
            path: "Plugins/IPsec/Core", swiftSettings: dataPath),
        .target(
            name: "IPsecAdapter",
            dependencies: [
                "EngineParts", "IKEv1", "IPsecCore", "OpenSSL", "PPP", "PPPSessions", "PluginKit", "Wire",
            ],
            path: "Plugins/IPsec/Adapter", swiftSettings: dataPath),
        .target(
            name: "IPsec", dependencies: ["IPsecAdapter", "PluginABI", "PluginKit"],
            path: "Plugins/IPsec/Module", swiftSettings: house, linkerSettings: moduleLinkage),
        .target(
            name: "OpenVPNCore", dependencies: ["EngineParts", "OpenSSL", "PluginABI", "Wire"],
            path: "Plugins/OpenVPN/Core", swiftSettings: dataPath),
        .target(
            name: "OpenVPNAdapter", dependencies: ["OpenSSL", "OpenVPNCore", "PluginKit", "Wire"],
            path: "Plugins/OpenVPN/Adapter", swiftSettings: dataPath),
        .target(
            name: "OpenVPN", dependencies: ["OpenVPNAdapter", "PluginABI", "PluginKit"],
            path: "Plugins/OpenVPN/Module", swiftSettings: house, linkerSettings: moduleLinkage),
        .target(
            name: "SoftEtherCore", dependencies: ["EngineParts", "HTTP", "OpenSSL", "Wire"],
            path: "Plugins/SoftEther/Core",
            swiftSettings: dataPath + lifetimes),
        .target(
            name: "SoftEtherAdapter",
            dependencies: ["EngineParts", "OpenSSL", "PluginKit", "SoftEtherCore", "Wire", "Zlib"],
            path: "Plugins/SoftEther/Adapter", swiftSettings: dataPath),
        .target(
            name: "SoftEther", dependencies: ["PluginABI", "PluginKit", "SoftEtherAdapter"],
            path: "Plugins/SoftEther/Module", swiftSettings: house, linkerSettings: moduleLinkage),

        // What several modules speak.
        .target(name: "HTTP", dependencies: ["Wire"], path: "Plugins/Common/HTTP", swiftSettings: house),
        .target(
            name: "PPP", dependencies: ["EngineParts", "OpenSSL", "Wire"], path: "Plugins/Common/PPP",
            swiftSettings: views),
        .target(
            name: "PPPSessions", dependencies: ["OpenSSL", "PPP", "PluginKit", "Wire"],
            path: "Plugins/Common/PPPSessions", swiftSettings: house),

        .target(
            name: "SSTPCore", dependencies: ["EngineParts", "HTTP", "OpenSSL", "PPP", "Wire"],
            path: "Plugins/SSTP/Core", swiftSettings: dataPath),
        .target(
            name: "SSTPAdapter",
            dependencies: ["EngineParts", "OpenSSL", "PPP", "PPPSessions", "PluginKit", "SSTPCore", "Wire"],
            path: "Plugins/SSTP/Adapter", swiftSettings: dataPath),
        .target(
            name: "SSTP", dependencies: ["PluginABI", "PluginKit", "SSTPAdapter"],
            path: "Plugins/SSTP/Module", swiftSettings: house, linkerSettings: moduleLinkage),

        // Tests and what they share.
        .target(name: "NetworkNamespace", path: "Tests/Support/NetworkNamespace", swiftSettings: tests),
        .target(
            name: "ControlFixtures", dependencies: ["Accounts", "Control", "ControlRequests", "Journal"],
            path: "Tests/ControlFixtures", swiftSettings: tests),
        .target(
            name: "FakeHost", dependencies: ["PluginABI"], path: "Tests/Support/FakeHost",
            swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ESP", "IKEPeer", "IKEv1", "IPsecCore", "L2TP", "LabCertificates", "LentPackets",
                "Hub", "LayerConverter", "OpenSSL", "OpenVPNCore", "OpenVPNTestClient", "PPP", "PPPPeer",
                "PluginABI", "Policy", "SecureNAT", "SSTPClient", "SSTPCore",
                "SoftEtherCore", "Wire",
            ], path: "Tests/Fuzz/Targets", swiftSettings: tests + lifetimes),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Replay",
            swiftSettings: tests),
        .executableTarget(
            name: "openvpn-soak",
            dependencies: ["Lanes", "OpenVPNCore", "OpenVPNTestClient", "PluginABI", "Wire"],
            path: "Tests/OpenVPNSoak", swiftSettings: tests),
        .executableTarget(
            name: "ipsec-soak",
            dependencies: ["IKEPeer", "IKEv1", "IPsecCore", "OpenSSL", "Wire"],
            path: "Tests/IPsecSoak", swiftSettings: tests),
        .target(
            name: "LentPackets", dependencies: ["PluginABI"], path: "Tests/Support/LentPacket",
            swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .target(
            name: "LabCertificates", path: "Tests/Support/LabCertificates", swiftSettings: tests),
        .target(
            name: "IKEPeer", dependencies: ["ESP", "IKEv1", "OpenSSL", "Wire"],
            path: "Tests/Support/IKEPeer", swiftSettings: tests),
        .target(
            name: "OpenVPNSite",
            dependencies: [
                "FakeHost", "OpenVPNAdapter", "OpenVPNCore", "OpenVPNTestClient", "PluginABI", "PluginKit",
                "Wire",
            ], path: "Tests/Support/OpenVPNSite",
            swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .target(
            name: "OpenVPNTestClient",
            dependencies: ["OpenVPNCore", "OpenSSL", "PluginABI", "Wire"],
            path: "Tests/OpenVPNTestClient",
            swiftSettings: tests + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .target(name: "CAllocationCounter"),
        .executableTarget(
            name: "polyhub-bench",
            dependencies: [
                "CAllocationCounter", "FakeHost", "Hub", "LayerConverter", "OpenSSL", "OpenVPNCore",
                "OpenVPNSite", "OpenVPNTestClient", "PluginABI", "Policy", "Wire",
            ],
            swiftSettings: views),
        .executableTarget(name: "lanes-bench", dependencies: ["Lanes", "PluginABI"], swiftSettings: house),
        .target(
            name: "EchoModule", dependencies: ["PluginABI", "PluginKit"], path: "Tests/Modules/EchoModule",
            swiftSettings: dataPath, linkerSettings: moduleLinkage),
        .testTarget(
            name: "AccountsTests",
            dependencies: [
                "Accounts", "MSCHAPv2", "OpenSSL", "Policy", "SoftEtherPassword", "Wire", grdb,
            ],
            swiftSettings: tests),
        .testTarget(
            name: "CommandTests", dependencies: ["ControlFixtures", "polyhubctl"], swiftSettings: tests),
        .testTarget(
            name: "ControlTests", dependencies: ["Control", "ControlFixtures"], swiftSettings: tests),
        .testTarget(
            name: "ESPTests",
            dependencies: [
                "ESP", "EngineParts", "LentPackets", "OpenSSL", "PluginABI", "Wire",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "HostTests",
            dependencies: [
                "Accounts", "Journal", "Lanes", "LayerConverter", "Modules", "NetworkNamespace", "OpenSSL",
                "PluginABI", "Sessions", "SoftEtherPassword", "Wire", "polyhubd",
            ], swiftSettings: tests),
        .testTarget(
            name: "HubTests", dependencies: ["Hub", "PluginABI", "Policy", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "IKEv1Tests",
            dependencies: [
                "ESP", "EngineParts", "IKEPeer", "IKEv1", "LabCertificates", "OpenSSL",
                "Wire",
            ], swiftSettings: tests),
        .testTarget(
            name: "IPsecAdapterTests",
            dependencies: [
                "ESP", "FakeHost", "IKEPeer", "IKEv1", "IPsecAdapter", "L2TP", "L2TPPeer", "LabCertificates",
                "LentPackets", "PPP", "PPPPeer", "PluginABI", "PluginKit", "Wire",
            ], swiftSettings: tests + lifetimes),
        .testTarget(
            name: "IPsecTests",
            dependencies: [
                "ESP", "IKEPeer", "IKEv1", "IPsecCore", "L2TP", "L2TPPeer", "LabCertificates", "LentPackets",
                "OpenSSL", "PPP", "PPPPeer", "PluginABI", "Wire",
            ], exclude: ["Recorded"], swiftSettings: tests + lifetimes),
        .target(
            name: "L2TPPeer", dependencies: ["L2TP", "PPP", "PPPPeer", "Wire"],
            path: "Tests/Support/L2TPPeer",
            swiftSettings: tests + lifetimes + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .testTarget(name: "JournalTests", dependencies: ["Journal"], swiftSettings: tests),
        .testTarget(
            name: "L2TPTests", dependencies: ["EngineParts", "L2TP", "OpenSSL", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "LanesTests",
            dependencies: ["CLinux", "Lanes", "LocalBridge", "NetworkNamespace", "PluginABI", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "LocalBridgeTests", dependencies: ["LocalBridge", "NetworkNamespace", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "ModcheckTests", dependencies: ["polyhub-modcheck"],
            swiftSettings: tests),
        .testTarget(
            name: "ModulesTests", dependencies: ["Lanes", "Modules", "PluginABI", "Policy", "Sessions"],
            swiftSettings: tests),
        .testTarget(name: "MSCHAPv2Tests", dependencies: ["MSCHAPv2", "OpenSSL"], swiftSettings: tests),
        .target(
            name: "PPPPeer", dependencies: ["MSCHAPv2", "OpenSSL", "PPP", "Wire"],
            path: "Tests/Support/PPPPeer",
            swiftSettings: tests + lifetimes + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .testTarget(
            name: "PPPTests", dependencies: ["OpenSSL", "PPP", "PPPPeer", "Wire"],
            swiftSettings: tests + lifetimes),
        .target(
            name: "SSTPClient", dependencies: ["MSCHAPv2", "OpenSSL", "PPP", "PPPPeer", "SSTPCore", "Wire"],
            path: "Tests/Support/SSTPClient",
            swiftSettings: tests + lifetimes + [.enableUpcomingFeature("InternalImportsByDefault")]),
        .testTarget(
            name: "SSTPTests", dependencies: ["OpenSSL", "PPP", "PPPPeer", "SSTPClient", "SSTPCore", "Wire"],
            swiftSettings: tests + lifetimes),
        .testTarget(
            name: "SSTPAdapterTests",
            dependencies: [
                "FakeHost", "MSCHAPv2", "OpenSSL", "PPPPeer", "PluginABI", "PluginKit", "SSTPAdapter",
                "SSTPClient", "SSTPCore", "Wire",
            ], swiftSettings: tests),
        .testTarget(
            name: "OpenSSLTests", dependencies: ["LabCertificates", "OpenSSL"], swiftSettings: tests),
        .testTarget(
            name: "OpenVPNAdapterTests",
            dependencies: [
                "FakeHost", "OpenVPNAdapter", "OpenVPNCore", "OpenVPNSite", "OpenVPNTestClient", "PluginABI",
                "PluginKit",
            ], swiftSettings: tests),
        .testTarget(
            name: "OpenVPNTests",
            dependencies: [
                "EngineParts", "OpenVPNCore", "OpenVPNTestClient", "OpenSSL", "PluginABI", "Wire",
            ], swiftSettings: tests),
        .testTarget(
            name: "LayerConverterTests", dependencies: ["LayerConverter", "Wire"], swiftSettings: tests),
        .testTarget(
            name: "PolicyTests", dependencies: ["Policy", "Wire"], swiftSettings: tests + lifetimes),
        .testTarget(
            name: "PluginKitTests", dependencies: ["FakeHost", "PluginKit", "PluginABI", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "SecureNATTests", dependencies: ["LocalBridge", "NetworkNamespace", "SecureNAT", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "SessionsTests",
            dependencies: ["Hub", "Lanes", "LayerConverter", "PluginABI", "Policy", "Sessions", "Wire"],
            swiftSettings: tests),
        .testTarget(
            name: "SoftEtherAdapterTests",
            dependencies: [
                "FakeHost", "OpenSSL", "PluginABI", "PluginKit", "SoftEtherAdapter", "SoftEtherCore", "Zlib",
            ], swiftSettings: tests),
        .testTarget(
            name: "SoftEtherPasswordTests", dependencies: ["OpenSSL", "SoftEtherPassword"],
            swiftSettings: tests),
        .testTarget(
            name: "SoftEtherTests", dependencies: ["HTTP", "OpenSSL", "SoftEtherCore", "Wire"],
            swiftSettings: tests + lifetimes),
        .testTarget(name: "TidyTests", path: "Tests/Tidy", exclude: ["allow.txt"], swiftSettings: tests),
        .testTarget(name: "ZlibTests", dependencies: ["Zlib"], swiftSettings: tests),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: tests + lifetimes),
    ]
)

// Only scripts/fuzz builds the fuzzer: it needs libFuzzer's runtime and every target instrumented.
if let runtime = Context.environment["POLYHUB_FUZZER_RUNTIME"] {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Runner", swiftSettings: tests,
            linkerSettings: [.unsafeFlags([runtime]), .linkedLibrary("stdc++")]))
}
