/// What a client is told when its session is there.
struct Welcome {
    var sessionName: String
    var connectionName: String
    var terms: SessionTerms
    var key: SessionKey
    var maySpanSegments = false
    var mayListen = false

    var pack: Pack {
        var pack = Pack()
        pack.set("session_name", sessionName)
        pack.set("connection_name", connectionName)
        pack.set("session_key", key.octets)
        // Ours alone: a client that asked for frames in the clear gets them inside of TLS all the same.
        pack.set("use_encrypt", true)
        pack.set("use_compress", terms.compresses)
        pack.set("half_connection", terms.isHalfDuplex)
        pack.set("qos", terms.hasPriority)
        pack.set("max_connection", UInt32(terms.connections))
        pack.set("timeout", milliseconds)
        pack.set("session_key_32", UInt32(truncatingIfNeeded: key.name))
        pack.set("is_azure_session", false)
        pack.set("vlan_id", 0 as UInt32)
        pack["Msg"] = .octets([[]])
        for (name, value) in policy { pack.set("policy:" + name, value) }
        return pack
    }

    private var milliseconds: UInt32 { UInt32(terms.timeout.components.seconds * 1000) }

    /// The client looks at few of them, but wants them all. What the hub does with frames is the host's and
    /// is not told here.
    private var policy: [(String, UInt32)] {
        let off = [
            "ArpDhcpOnly", "AutoDisconnect", "CheckIP", "CheckIPv6", "CheckMac", "DHCPFilter", "DHCPForce",
            "DHCPNoServer", "DHCPv6Filter", "DHCPv6NoServer", "FilterIPv4", "FilterIPv6", "FilterNonIP",
            "FixPassword", "MaxDownload", "MaxIP", "MaxIPv6", "MaxMac", "MaxUpload", "MultiLogins",
            "NoBroadcastLimiter", "NoIPv6DefaultRouterInRA", "NoIPv6DefaultRouterInRAWhenIPv6", "NoQoS",
            "NoSavePassword", "NoServer", "NoServerV6", "PrivacyFilter", "RAFilter", "RSandRAFilter",
            "VLanId",
        ]
        return off.map { ($0, 0) } + [
            ("Access", 1), ("Ver3", 1), ("MaxConnection", UInt32(terms.connections)),
            ("TimeOut", milliseconds / 1000), ("NoBridge", maySpanSegments ? 0 : 1),
            ("NoRouting", maySpanSegments ? 0 : 1), ("NoRoutingV6", maySpanSegments ? 0 : 1),
            ("MonitorPort", mayListen ? 1 : 0),
        ]
    }
}
