package import PluginABI

/// A host that writes down what a module asks of it. One lane, one thread, no IO; its clock stands until it
/// is moved.
package final class FakeHost {
    package var transcript: [String] = []
    package var lacking: Set<String> = []
    package var explained: [String] = []
    package var now: UInt64 = 1_000_000_000
    package var options: [String: FakeOption] = [:]
    package var stored: [String: [UInt8]] = [:]
    /// Kinds of `pa.permission/1` that are granted.
    package var permitted: Set<UInt32> = []
    /// The tickets of `pa.ipv6/1.lease`.
    package var openingsWithIPv6: [UInt64] = []
    /// The tickets of `pa.ipv6-link/1.expect`.
    package var openingsWithLink: [UInt64] = []
    /// The interface identifiers of `pa.ipv6/1.link`, by session.
    package var links: [UInt64: (own: UInt64, peer: UInt64)] = [:]
    package var nextHandle: UInt64 = 100
    package var answer: pa_status = PA_OK
    package var keys: [(identity: String, key: String, hub: String)] = []
    package var certificate = (chain: "chain", key: "key", trust: "trust")
    package let memory = FakeMemory()

    /// Those that were asked for, by id.
    package private(set) var tables: [String: UnsafeMutableRawPointer] = [:]

    // What was asked, for tests that answer.
    package var sent: [(remote: pa_address_v1, octets: [UInt8])] = []
    /// By stream.
    package var written: [UInt64: [UInt8]] = [:]
    package var frames: [(session: UInt64, octets: [UInt8])] = []
    package var questions: [(token: UInt64, ticket: UInt64)] = []
    /// The newest question's.
    package var evidence: (kind: UInt32, name: [UInt8], secret: [UInt8], challenge: [UInt8])?
    package var openings: [(token: UInt64, ticket: UInt64)] = []
    package var closedStreams: [UInt64] = []
    /// By token.
    package var timers: [UInt64: UInt64] = [:]
    /// Of every stream.
    package var streamRemote = pa_address_v1.ipv4(198, 51, 100, 7, port: 5000)
    /// What writes to streams answer.
    package var writing: pa_status = PA_OK
    package private(set) var table: UnsafeMutablePointer<pa_host_v1>

    package enum FakeOption {
        case string(String)
        case integer(Int64)
        case boolean(Bool)
        case strings([String])
    }

    package init(version: String = "9.9") {
        table = .allocate(capacity: 1)
        table.initialize(
            to: pa_host_v1(
                size: UInt32(MemoryLayout<pa_host_v1>.size), abi_major: UInt16(PA_ABI_MAJOR),
                abi_minor: UInt16(PA_ABI_MINOR), host: nil, version: memory.text(version),
                capability: { host, id in FakeHost.of(host).capability(String(cString: id!)) },
                explain: { host, sentence in FakeHost.of(host).explained.append(String(cString: sentence!)) })
        )
        table.pointee.host = OpaquePointer(Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { table.deallocate() }

    /// Behind `pa_host *` and, as there is only one, behind `pa_lane *`.
    package static func of(_ pointer: OpaquePointer?) -> FakeHost {
        Unmanaged<FakeHost>.fromOpaque(UnsafeRawPointer(pointer!)).takeUnretainedValue()
    }

    package var lane: OpaquePointer { table.pointee.host }

    package func say(_ line: String) { transcript.append(line) }

    /// Everything said since the last call.
    package func said() -> [String] {
        defer { transcript = [] }
        return transcript
    }

    package func newHandle() -> UInt64 {
        nextHandle += 1
        return nextHandle
    }

    /// Takes over the fallbacks of what a module declares.
    package func takeDefaults(of module: pa_option_module_v1) {
        for index in 0..<Int(module.count) {
            let option = module.options[index]!.pointee
            guard let fallback = option.fallback.map({ String(cString: $0) }) else { continue }
            let key = String(cString: option.key)
            guard options[key] == nil else { continue }
            options[key] =
                switch option.type {
                case PA_OPTION_INTEGER: .integer(Int64(fallback)!)
                case PA_OPTION_BOOLEAN: .boolean(fallback == "true")
                case PA_OPTION_STRINGS:
                    .strings(fallback.split(separator: ",").map { String($0.drop { $0 == " " }) })
                default: .string(fallback)
                }
        }
    }

    private func capability(_ id: String) -> UnsafeRawPointer? {
        guard !lacking.contains(id) else { return nil }
        if let table = tables[id] { return UnsafeRawPointer(table) }
        tables[id] = makeTable(id)
        return tables[id].map { UnsafeRawPointer($0) }
    }

    private func makeTable(_ id: String) -> UnsafeMutableRawPointer? {
        switch id {
        case PA_LOG: memory.table(FakeTables.log)
        case PA_METRIC: memory.table(FakeTables.metric)
        case PA_OPTION: memory.table(FakeTables.option)
        case PA_STORE: memory.table(FakeTables.store)
        case PA_CERTIFICATE: memory.table(FakeTables.certificate)
        case PA_TIMER: memory.table(FakeTables.timer)
        case PA_DATAGRAM: memory.table(FakeTables.datagram)
        case PA_STREAM: memory.table(FakeTables.stream)
        case PA_AUTH: memory.table(FakeTables.auth)
        case PA_SESSION: memory.table(FakeTables.session)
        case PA_IPV6: memory.table(FakeTables.ipv6)
        case PA_IPV6_LINK: memory.table(FakeTables.ipv6Link)
        case PA_PSK: memory.table(FakeTables.psk)
        case PA_PERMISSION: memory.table(FakeTables.permission)
        case PA_PASSWORD: memory.table(FakeTables.password)
        default: nil
        }
    }
}

/// What the fake host lends; freed with it.
package final class FakeMemory {
    package init() {}

    private var blocks: [UnsafeMutableRawPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    package func array<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let place = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
        for (index, value) in values.enumerated() { (place + index).initialize(to: value) }
        blocks.append(UnsafeMutableRawPointer(place))
        return place
    }

    package func table<T>(_ value: T) -> UnsafeMutableRawPointer { UnsafeMutableRawPointer(array([value])) }

    package func text(_ text: String) -> UnsafePointer<CChar> {
        UnsafePointer(array(Array(text.utf8CString)))
    }

    package func octets(_ bytes: [UInt8]) -> pa_octets_v1 {
        pa_octets_v1(start: array(bytes), length: bytes.count)
    }

    /// A packet with room in front and behind.
    package func slice(_ bytes: [UInt8], headroom: Int = 0, tailroom: Int = 0) -> pa_slice_v1 {
        let place = array(
            [UInt8](repeating: 0xee, count: headroom) + bytes + [UInt8](repeating: 0xee, count: tailroom))
        return pa_slice_v1(
            start: place + headroom, length: UInt32(bytes.count), headroom: UInt16(headroom),
            tailroom: UInt16(tailroom))
    }
}

extension [UInt8] {
    package init(_ slice: pa_slice_v1) {
        self = Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
    }
}

extension pa_slice_v1 {
    package var hex: String { Array(UnsafeBufferPointer(start: start, count: Int(length))).hex }
}

extension [UInt8] {
    package init(_ octets: pa_octets_v1) {
        self = Array(UnsafeBufferPointer(start: octets.start, count: octets.length))
    }

    package var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

extension pa_address_v1 {
    package static func ipv4(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, port: UInt16 = 0)
        -> pa_address_v1
    {
        var address = pa_address_v1()
        address.family = UInt8(PA_FAMILY_IPV4)
        address.port = port
        (address.octets.0, address.octets.1, address.octets.2, address.octets.3) = (a, b, c, d)
        return address
    }

    package static func ipv6(_ groups: UInt16...) -> pa_address_v1 {
        var address = pa_address_v1()
        address.family = UInt8(PA_FAMILY_IPV6)
        withUnsafeMutableBytes(of: &address.octets) { octets in
            for (index, group) in groups.enumerated() {
                octets.storeBytes(of: group.bigEndian, toByteOffset: 2 * index, as: UInt16.self)
            }
        }
        return address
    }

    package var text: String { "\(octets.0).\(octets.1).\(octets.2).\(octets.3):\(port)" }
}
