public import PPP
public import PluginKit

extension PluginKit.Evidence {
    /// What a PPP peer has shown, as the host wants to see it. Nil: a kind that the accounts cannot judge,
    /// as they keep no password that MD5 could be made of.
    public init?(_ shown: PPP.Evidence, protocolName: String) {
        switch shown.proof {
        case .password(let password):
            self.init(.password, protocolName: protocolName)
            secret = password
        case .msCHAPv2(let theirs, let response):
            self.init(.msCHAPv2, protocolName: protocolName)
            challenge = theirs
            secret = response
        case .certificate(let shown):
            self.init(.certificate, protocolName: protocolName)
            certificate = shown
        case .chapMD5: return nil
        }
        name = shown.name
    }
}

extension AuthenticationVerdict {
    /// The host's answer, in PPP's words.
    public init(_ verdict: Verdict) {
        self =
            switch verdict.code {
            case .accepted: .accepted(authenticatorResponse: verdict.response)
            case .credentials, .hub: .refused(.credentials)
            case .disabled: .refused(.disabled)
            case .method, .continue: .refused(.method)
            case .unavailable: .refused(.unavailable)
            }
    }
}
