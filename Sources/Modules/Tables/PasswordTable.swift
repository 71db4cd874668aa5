import PluginABI

/// `pa.password/1`, the host's side.
enum PasswordTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_password_host_v1(
            size: UInt32(MemoryLayout<pa_password_host_v1>.size), reserved: 0,
            change: { lane, evidence, password, token, ticket in
                guard let lane = unsafe ModuleLane.current(lane) else { return PA_ERROR_THREAD }
                guard let copied = unsafe AuthTable.copy(evidence, on: lane), copied.continues == nil,
                    let password = unsafe password?.pointee, let new = unsafe NewPassword(password)
                else { return PA_ERROR_ARGUMENT }
                guard lane.questions.count < ModuleLane.maxQuestions else { return PA_ERROR_LIMIT }
                let services = lane.instance.services
                unsafe ticket?.pointee = lane.ask(token: token) {
                    await services.changePassword(copied, to: new)
                }
                return PA_OK
            }))
}

extension NewPassword {
    /// A copy; nil for what has another size.
    init?(_ raw: pa_new_password_v1) {
        guard unsafe raw.size == MemoryLayout<pa_new_password_v1>.size,
            unsafe max(raw.softether.length, raw.nt_hash.length) <= Self.softEtherLength
        else { return nil }
        softEther = unsafe raw.softether.bytes
        ntHash = unsafe raw.nt_hash.bytes
        guard softEther.count == Self.softEtherLength, [0, Self.ntHashLength].contains(ntHash.count) else {
            return nil
        }
    }
}
