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
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .target(
            name: "Accounts",
            dependencies: [
                "COpenSSL", "Wire", .product(name: "GRDB", package: "GRDB.swift"), "TOMLKit",
            ],
            swiftSettings: house),
        .target(
            name: "Journal", dependencies: [.product(name: "Logging", package: "swift-log")],
            swiftSettings: house),
        .target(name: "ControlRequests", swiftSettings: house),
        .target(
            name: "Control",
            dependencies: [
                "Accounts", "ControlRequests", "Journal", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: house),
        .executableTarget(
            name: "polyhubctl",
            dependencies: [
                "ControlRequests", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house),
        .testTarget(
            name: "AccountsTests",
            dependencies: ["Accounts", .product(name: "GRDB", package: "GRDB.swift")], swiftSettings: tests),
        .testTarget(
            name: "JournalTests",
            dependencies: ["Journal", .product(name: "Logging", package: "swift-log")],
            swiftSettings: tests),
        .target(
            name: "ControlFixtures", dependencies: ["Accounts", "Control", "ControlRequests", "Journal"],
            path: "Tests/ControlFixtures", swiftSettings: tests),
        .testTarget(name: "ControlTests", dependencies: ["Control", "ControlFixtures"], swiftSettings: tests),
        .testTarget(name: "CommandTests", dependencies: ["ControlFixtures", "polyhubctl"], swiftSettings: tests),
        .target(name: "PluginABI"),
        .target(name: "Wire", swiftSettings: views),
        .testTarget(
            name: "WireTests", dependencies: ["Wire"],
            swiftSettings: tests + [.enableExperimentalFeature("Lifetimes")]),
    ]
)
