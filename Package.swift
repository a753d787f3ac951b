// swift-tools-version: 6.3
import PackageDescription

/// Every target is held to the same bar.
///
/// A misspelt feature is silently ignored by the compiler, so `Sources/Reactor/FeatureCheck.swift` fails the build
/// when one of these is not in force.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
    .enableUpcomingFeature("InferIsolatedConformances"),  // SE-0470
    .enableUpcomingFeature("ImmutableWeakCaptures"),  // SE-0481
    .strictMemorySafety(),  // SE-0458
    .treatAllWarnings(as: .error),  // SE-0443
]

let package = Package(
    name: "usher",
    products: [
        .library(name: "Workflows", targets: ["Workflows"]),
        .library(name: "Worker", targets: ["Worker"]),
        .library(name: "JobsTesting", targets: ["JobsTesting"]),
        .library(name: "Scheduler", targets: ["Scheduler"]),
        .library(name: "HTTPGateway", targets: ["HTTPGateway"]),
        .library(name: "Standalone", targets: ["Standalone"]),
        // What the names of the others come with.
        .library(name: "Jobs", targets: ["Jobs"]),
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "Reactor", targets: ["Reactor"]),
        .library(name: "Telemetry", targets: ["Telemetry"]),
        .executable(name: "usher", targets: ["usher"]),
    ],
    targets: [
        // 0
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CLinux"),
        .target(name: "Migrations", path: "Migrations", resources: [.embedInCode("sql")]),
        .target(name: "Pages", resources: [.embedInCode("web")]),
        // 1
        .target(name: "Reactor", dependencies: ["CLinux"]),
        .target(name: "Telemetry", dependencies: ["Reactor"]),
        // 2
        .target(name: "Postgres", dependencies: ["CLibPQ", "CLinux", "Reactor", "Telemetry"]),
        .target(name: "HTTP", dependencies: ["CLinux", "COpenSSL", "Reactor", "Telemetry"]),
        // 3
        .target(name: "Jobs", dependencies: ["COpenSSL", "Postgres", "Migrations", "Reactor", "Telemetry"]),
        .target(name: "EventLog", dependencies: ["HTTP", "Postgres", "Reactor", "Telemetry"]),
        .target(name: "Tracing", dependencies: ["HTTP", "Reactor", "Telemetry"]),
        // 4
        .target(name: "Workflows", dependencies: ["Jobs", "Postgres", "Reactor", "Telemetry"]),
        // 5
        .target(
            name: "BoxOffice",
            dependencies: ["Workflows", "Jobs", "EventLog", "Postgres", "COpenSSL", "Reactor", "Telemetry"]
        ),
        // 6
        .target(name: "Worker", dependencies: ["Workflows", "Jobs", "Postgres", "Reactor", "Telemetry"]),
        .target(
            name: "JobsTesting",
            dependencies: ["Worker", "Workflows", "Jobs", "Postgres", "Reactor", "Telemetry"]
        ),
        .target(name: "Scheduler", dependencies: ["Jobs", "Postgres", "Reactor", "Telemetry"]),
        .target(
            name: "HTTPGateway",
            dependencies: [
                "BoxOffice", "Workflows", "Jobs", "EventLog", "Pages", "Postgres", "HTTP", "Reactor",
                "Telemetry",
            ]
        ),
        // 7
        .target(
            name: "Standalone",
            dependencies: ["Worker", "Scheduler", "Workflows", "Jobs", "Postgres", "Reactor", "Telemetry"]
        ),
        .executableTarget(
            name: "usher",
            dependencies: [
                "BoxOffice", "CLinux", "EventLog", "HTTP", "HTTPGateway", "Jobs", "Migrations", "Postgres",
                "Reactor",
                "Scheduler", "Telemetry", "Tracing", "Worker", "Workflows",
            ]
        ),
        // What the README shows, built and killed in a test.
        .executableTarget(
            name: "SignupExample",
            dependencies: ["Jobs", "Postgres", "Reactor", "Scheduler", "Telemetry", "Worker", "Workflows"],
            path: "Examples/Signup"
        ),
        // One workflow each, and a program that shows it.
        .executableTarget(
            name: "OrderExample",
            dependencies: ["Jobs", "Postgres", "Standalone", "Workflows"],
            path: "Examples/Order"
        ),
        .executableTarget(
            name: "PipelineExample",
            dependencies: ["Jobs", "Postgres", "Standalone", "Workflows"],
            path: "Examples/Pipeline"
        ),
        .executableTarget(
            name: "SubscriptionExample",
            dependencies: ["Jobs", "Postgres", "Standalone", "Workflows"],
            path: "Examples/Subscription"
        ),
        // Tests, one target per module, and what they share.
        .target(
            name: "TestSupport",
            dependencies: ["CLinux", "HTTP", "Jobs", "Migrations", "Postgres", "Reactor"],
            path: "Tests/TestSupport"
        ),
        // What tests kill and freeze.
        .executableTarget(
            name: "ProofActor",
            dependencies: [
                "BoxOffice", "Jobs", "Postgres", "Reactor", "Scheduler", "Telemetry", "Worker", "Workflows",
            ],
            path: "Tests/ProofActor"
        ),
        .testTarget(name: "ReactorTests", dependencies: ["Reactor", "CLinux", "Telemetry"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "Reactor", "TestSupport"]),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Reactor", "TestSupport"]),
        .testTarget(
            name: "JobsTests",
            dependencies: [
                "Jobs", "Scheduler", "Migrations", "Postgres", "Reactor", "Telemetry", "TestSupport",
            ]
        ),
        .testTarget(
            name: "WorkflowsTests",
            dependencies: [
                "SignupExample", "OrderExample", "PipelineExample", "SubscriptionExample", "Standalone",
                "ProofActor", "Workflows", "Worker", "Scheduler", "Jobs", "JobsTesting", "HTTP", "Postgres",
                "Reactor", "Telemetry", "TestSupport", "Tracing",
            ]
        ),
        .testTarget(
            name: "EventLogTests",
            dependencies: ["EventLog", "HTTP", "Jobs", "Postgres", "Reactor", "Telemetry", "TestSupport"]
        ),
        .testTarget(
            name: "BoxOfficeTests",
            dependencies: [
                "BoxOffice", "EventLog", "JobsTesting", "Workflows", "Worker", "Scheduler", "Jobs",
                "Postgres",
                "ProofActor",
                "Reactor", "Telemetry", "TestSupport",
            ]
        ),
        .testTarget(
            name: "HTTPGatewayTests",
            dependencies: [
                "HTTPGateway", "BoxOffice", "EventLog", "HTTP", "Workflows", "Worker", "Scheduler", "Jobs",
                "Pages",
                "Postgres", "Reactor", "Telemetry", "TestSupport",
            ]
        ),
        .testTarget(
            name: "usherTests",
            dependencies: [
                "usher", "BoxOffice", "EventLog", "HTTP", "Jobs", "Postgres", "Reactor", "Telemetry",
                "TestSupport",
                "Workflows",
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system && target.name != "CLinux" {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
