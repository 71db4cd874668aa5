public import Foundation
public import Lanes
public import Sessions

/// What every module instance works with; one for the server.
public final class ModuleRuntime: Sendable {
    let lanes: LaneGroup
    let hubLanes: [HubLane]
    let control: ControlQueue
    let streams: SharedListeners
    let services: any ModuleServices
    /// Where libraries that are named without a path lie.
    let moduleDirectory: URL
    /// Where their private copies go.
    let copies: URL
    /// Of plugins.conf, for messages.
    let configurationFile: String

    /// - Parameters:
    ///   - hubLanes: in the order of the lanes.
    ///   - stateDirectory: private copies of libraries go below it.
    public init(
        lanes: LaneGroup, hubLanes: [HubLane], services: any ModuleServices, moduleDirectory: URL,
        stateDirectory: URL, configurationFile: String
    ) {
        self.lanes = lanes
        self.hubLanes = hubLanes
        control = ControlQueue()
        streams = SharedListeners(lanes, services: services)
        self.services = services
        self.moduleDirectory = moduleDirectory
        copies = stateDirectory.appendingPathComponent("modules")
        // A server that did not end in order left its copies.
        try? FileManager.default.removeItem(at: copies)
        self.configurationFile = configurationFile
    }

    /// The library that plugins.conf means: a path, or a name in the module directory.
    func path(of library: String) -> String {
        if library.contains("/") { return library }
        #if os(macOS)
        let file = "lib\(library).dylib"
        #else
        let file = "lib\(library).so"
        #endif
        return moduleDirectory.appendingPathComponent(file).path
    }
}
