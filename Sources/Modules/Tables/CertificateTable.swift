import PluginABI

/// `pa.certificate/1`, the host's side.
enum CertificateTable {
    nonisolated(unsafe) static let pointer = unsafe constant(
        pa_certificate_host_v1(
            size: UInt32(MemoryLayout<pa_certificate_host_v1>.size), reserved: 0,
            server: { host, chain, key, trust in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                let certificate = instance.services.certificate
                unsafe chain?.pointee = instance.lend(certificate.chain, as: PA_CERTIFICATE + "chain")
                unsafe key?.pointee = instance.lend(certificate.key, as: PA_CERTIFICATE + "key")
                unsafe trust?.pointee = instance.lend(certificate.trust, as: PA_CERTIFICATE + "trust")
                return PA_OK
            },
            public_name: { host, name in
                let instance = unsafe ModuleInstance.from(host)
                guard instance.control.isCurrent else { return PA_ERROR_THREAD }
                guard let name = unsafe name else { return PA_ERROR_ARGUMENT }
                unsafe name.pointee = instance.lend(text: instance.services.publicName)
                return PA_OK
            }))
}
