package import PluginABI

/// What an instance of a module offered, and what was said to it.
package final class HandoverOffers {
    package struct Record {
        package let version: UInt32
        package let connection: UInt64
        package let octets: [UInt8]
        package let held: [pa_held_v1]
    }

    private let answer: (Record) -> pa_status
    fileprivate var records: [Record] = []

    fileprivate init(_ answer: @escaping (Record) -> pa_status) { self.answer = answer }

    fileprivate static let sink: pa_handover_sink = { context, record in
        let offers = Unmanaged<HandoverOffers>.fromOpaque(context!).takeUnretainedValue()
        let raw = record!.pointee
        let held = Array(UnsafeBufferPointer(start: raw.held, count: Int(raw.held_count)))
        let record = Record(
            version: raw.version, connection: raw.connection, octets: [UInt8](raw.octets), held: held)
        offers.records.append(record)
        return offers.answer(record)
    }
}

extension LoadedModule {
    /// A second instance, of the library with this descriptor, in a host of its own, which knows what this
    /// one's has lent and asked.
    package func successor(of descriptor: UnsafePointer<pa_descriptor_v1>) throws -> LoadedModule {
        let other = FakeHost()
        (other.now, other.options, other.nextHandle) = (host.now, host.options, host.nextHandle)
        other.keys = host.keys
        let module = try LoadedModule(descriptor, in: other)
        try module.check(module.start())
        try module.check(module.enterLane())
        return module
    }

    package var handover: pa_handover_module_v1 {
        get throws { try table(PA_HANDOVER) }
    }

    /// What this instance offers, each record answered.
    @discardableResult
    package func export(
        _ answer: @escaping (HandoverOffers.Record) -> pa_status
    ) throws -> [HandoverOffers.Record] {
        let offers = HandoverOffers(answer)
        let context = Unmanaged.passUnretained(offers).toOpaque()
        try check(handover.export_lane(laneState, HandoverOffers.sink, context))
        return offers.records
    }

    /// The answer, and the tokens of what the record holds.
    package func take(
        _ record: HandoverOffers.Record, octets: [UInt8]? = nil
    ) throws -> (status: pa_status, tokens: [UInt64]) {
        var raw = pa_handover_record_v1()
        raw.size = UInt32(MemoryLayout<pa_handover_record_v1>.size)
        raw.version = record.version
        raw.connection = record.connection
        raw.octets = host.memory.octets(octets ?? record.octets)
        raw.held = host.memory.array(record.held)
        raw.held_count = UInt32(record.held.count)
        let status = try handover.import(laneState, &raw)
        return (status, (0..<record.held.count).map { raw.held[$0].token })
    }

    /// How all cuts of a record are answered.
    package func answersToCuts(of record: HandoverOffers.Record) throws -> Set<pa_status> {
        Set(try record.octets.indices.map { try take(record, octets: Array(record.octets[..<$0])).status })
    }

    package var remaining: UInt32 {
        get throws { try handover.remaining(laneState) }
    }
}
