import OpenSSL
import PluginABI

/// `pa.psk/1`, the host's side.
enum PSKTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_psk_host_v1(
            size: UInt32(MemoryLayout<pa_psk_host_v1>.size), reserved: 0,
            keys: { host, keys, count in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let keys = unsafe keys, let count = unsafe count else { return PA_ERROR_ARGUMENT }
                do {
                    var given = try instance.services.peerKeys()
                    let lent = LentKeys(given)
                    for index in given.indices { wipe(&given[index].key) }
                    instance.lend(lent)
                    unsafe keys.pointee = UnsafePointer(lent.start)
                    unsafe count.pointee = UInt32(lent.count)
                    return PA_OK
                } catch {
                    instance.services.log(
                        module: instance.name, level: PA_LOG_ERROR, line: "pre-shared keys error=\(error)")
                    return PA_ERROR_SYSTEM
                }
            }))
}

/// Pre-shared keys that the module may read until they are replaced; wiped then.
@safe final class LentKeys {
    let start: UnsafeMutablePointer<pa_psk_v1>
    let count: Int
    private let octets: [LentOctets]
    private let hubs: [CText]

    init(_ keys: [PeerKey]) {
        count = keys.count
        octets = keys.flatMap { [LentOctets(Array($0.identity.utf8)), LentOctets($0.key)] }
        hubs = keys.map { CText($0.hub) }
        unsafe start = .allocate(capacity: max(count, 1))
        for index in 0..<count {
            let key = unsafe pa_psk_v1(
                identity: octets[2 * index].octets, key: octets[2 * index + 1].octets,
                hub: hubs[index].start)
            unsafe (start + index).initialize(to: key)
        }
    }

    deinit { unsafe start.deallocate() }
}
