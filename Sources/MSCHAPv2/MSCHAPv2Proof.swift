public import OpenSSL

/// What comes of a response that was right: what the authenticator shows in turn, and the keys that only the
/// two of them have.
public struct MSCHAPv2Proof: Sendable {
    /// 20 octets.
    public let authenticatorResponse: [UInt8]
    /// The authenticator's MasterReceiveKey and MasterSendKey, 16 octets each.
    public let receiveKey: [UInt8]
    public let sendKey: [UInt8]

    public init(_ exchange: MSCHAPv2Exchange, _ response: [UInt8], _ hash: NTHash) throws(OpenSSLError) {
        authenticatorResponse = try exchange.authenticatorResponse(to: response, hash)
        (receiveKey, sendKey) = try MSCHAPv2Exchange.masterKeys(of: response, hash)
    }
}
