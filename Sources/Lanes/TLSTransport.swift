import CLinux
import COpenSSL
import PluginABI

/// What a TLS stream agreed on.
public struct TLSParameters: Sendable, Equatable {
    /// "TLSv1.3"
    public let version: String
    /// OpenSSL's name of the cipher suite.
    public let cipher: String
    /// The certificate that the host presented, in DER.
    public let certificate: [UInt8]
    /// The protocol that was chosen by ALPN, RFC 7301.
    public let applicationProtocol: String?
    /// The name for which the client asked, RFC 6066 §3.
    public let serverName: String?
}

/// TLS that the host ends, over a nonblocking descriptor.
@safe final class TLSTransport: StreamTransport {
    private let ssl: OpaquePointer
    private let context: TLSServerContext
    /// The last read did not come to an end of what there was.
    private var mayHaveMore = true
    /// Octets read so far, while they are wiped.
    private var wiped = 0

    /// Who has sent so much has long said who it is.
    private static let wipedOctets = 1 << 18
    /// The most plaintext of a TLS record, RFC 8446 §5.1.
    static let recordOctets = 16384

    init?(_ context: TLSServerContext, descriptor: Int32) {
        guard let ssl = unsafe context.makeSession() else { return nil }
        unsafe self.ssl = ssl
        self.context = context
        super.init(descriptor: descriptor)
        guard unsafe SSL_set_fd(ssl, descriptor) == 1 else { return nil }
        unsafe SSL_set_accept_state(ssl)
    }

    deinit { unsafe SSL_free(ssl) }

    override func handshake() -> Transfer {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        return result == 1 ? .moved(0) : outcome(result)
    }

    override func read(into start: UnsafeMutablePointer<UInt8>, capacity: Int) -> Transfer {
        var count = 0
        while count < capacity {
            ERR_clear_error()
            let wanted = Int32(clamping: capacity - count)
            let result = unsafe SSL_read(ssl, start + count, wanted)
            guard result > 0 else {
                mayHaveMore = false
                // The reason comes again with the next read.
                return count > 0 ? .moved(count) : outcome(result)
            }
            count += Int(result)
        }
        mayHaveMore = true
        stopWiping(after: count)
        return .moved(count)
    }

    /// OpenSSL wipes what it has decrypted, for the sake of the secrets with which connections begin. Later
    /// it would be frames alone, and a twentieth of their cost.
    private func stopWiping(after count: Int) {
        guard wiped < Self.wipedOctets else { return }
        wiped += count
        if wiped >= Self.wipedOctets { unsafe polyhub_ssl_stop_wiping(ssl) }
    }

    /// Gathers small slices, so that each record is as large as it may be.
    override func write(
        _ slices: UnsafeBufferPointer<pa_slice_v1>, scratch: UnsafeMutablePointer<UInt8>
    ) -> Transfer {
        var gathered = 0
        for position in slices.indices {
            let slice = unsafe slices[position]
            let part = min(Int(unsafe slice.length), TLSTransport.recordOctets - gathered)
            if part > 0 { unsafe (scratch + gathered).update(from: slice.start, count: part) }
            gathered += part
            if gathered == TLSTransport.recordOctets { break }
        }
        guard gathered > 0 else { return .moved(0) }
        ERR_clear_error()
        let result = unsafe SSL_write(ssl, scratch, Int32(gathered))
        return result > 0 ? .moved(Int(result)) : outcome(result)
    }

    override func finish() {
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
        super.finish()
    }

    override var hasBuffered: Bool { unsafe mayHaveMore && SSL_has_pending(ssl) == 1 }

    override var tls: TLSParameters? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        let chosen = unsafe UnsafeBufferPointer(start: name, count: Int(length))
        return TLSParameters(
            version: unsafe String(cString: SSL_get_version(ssl)),
            cipher: unsafe String(cString: polyhub_ssl_get_cipher_name(ssl)),
            certificate: unsafe SSL_get_certificate(ssl).map { unsafe TLSServerContext.encode($0) } ?? [],
            applicationProtocol: chosen.isEmpty ? nil : unsafe String(decoding: chosen, as: UTF8.self),
            serverName: unsafe polyhub_ssl_server_name(ssl).map { unsafe String(cString: $0) })
    }

    private func outcome(_ result: Int32) -> Transfer {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .blocked(.readable)
        case SSL_ERROR_WANT_WRITE: return .blocked(.writable)
        case SSL_ERROR_ZERO_RETURN: return .finished
        default: return .failed(TLSServerContext.lastError() ?? "connection lost")
        }
    }
}
