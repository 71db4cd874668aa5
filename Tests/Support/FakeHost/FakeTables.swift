import PluginABI

/// The fake host's C functions: each says what it was called with.
enum FakeTables {
    static var log: pa_log_host_v1 {
        pa_log_host_v1(
            size: UInt32(MemoryLayout<pa_log_host_v1>.size), reserved: 0,
            is_enabled: { _, level in level >= PA_LOG_INFO ? 1 : 0 },
            write: { host, level, line in FakeHost.of(host).say("log \(level) \(String(cString: line!))") })
    }

    static var metric: pa_metric_host_v1 {
        pa_metric_host_v1(
            size: UInt32(MemoryLayout<pa_metric_host_v1>.size), reserved: 0,
            declare: { host, name, kind, help, metric in
                FakeHost.of(host).say("declare \(String(cString: name!)) \(kind)")
                metric!.pointee = 7
                return PA_OK
            },
            add: { lane, metric, amount in FakeHost.of(lane).say("metric \(metric) += \(amount)") })
    }

    static var option: pa_option_host_v1 {
        pa_option_host_v1(
            size: UInt32(MemoryLayout<pa_option_host_v1>.size), reserved: 0,
            string: { host, key, value in
                let host = FakeHost.of(host)
                guard let option = host.options[String(cString: key!)] else { return PA_ERROR_STATE }
                guard case .string(let text) = option else { return PA_ERROR_ARGUMENT }
                value!.pointee = host.memory.text(text)
                return PA_OK
            },
            integer: { host, key, value in
                guard let option = FakeHost.of(host).options[String(cString: key!)] else {
                    return PA_ERROR_STATE
                }
                guard case .integer(let number) = option else { return PA_ERROR_ARGUMENT }
                value!.pointee = number
                return PA_OK
            },
            boolean: { host, key, value in
                guard let option = FakeHost.of(host).options[String(cString: key!)] else {
                    return PA_ERROR_STATE
                }
                guard case .boolean(let truth) = option else { return PA_ERROR_ARGUMENT }
                value!.pointee = truth ? 1 : 0
                return PA_OK
            },
            strings: { host, key, values, count in
                let host = FakeHost.of(host)
                guard let option = host.options[String(cString: key!)] else { return PA_ERROR_STATE }
                guard case .strings(let list) = option else { return PA_ERROR_ARGUMENT }
                values!.pointee = UnsafePointer(
                    host.memory.array(list.map { Optional(host.memory.text($0)) }))
                count!.pointee = UInt32(list.count)
                return PA_OK
            })
    }

    static var ipv6: pa_ipv6_host_v1 {
        pa_ipv6_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_host_v1>.size), reserved: 0,
            lease: { lane, opening in
                let host = FakeHost.of(lane)
                host.openingsWithIPv6.append(opening)
                return host.answer
            },
            link: { lane, session, own, peer in
                let host = FakeHost.of(lane)
                host.links[session] = (own, peer)
                return host.answer
            })
    }

    static var ipv6Link: pa_ipv6_link_host_v1 {
        pa_ipv6_link_host_v1(
            size: UInt32(MemoryLayout<pa_ipv6_link_host_v1>.size), reserved: 0,
            expect: { lane, opening in
                let host = FakeHost.of(lane)
                host.openingsWithLink.append(opening)
                return host.answer
            })
    }

    static var psk: pa_psk_host_v1 {
        pa_psk_host_v1(
            size: UInt32(MemoryLayout<pa_psk_host_v1>.size), reserved: 0,
            keys: { host, keys, count in
                let host = FakeHost.of(host)
                host.say("keys")
                let memory = host.memory
                let lent = host.keys.map { key in
                    pa_psk_v1(
                        identity: memory.octets(Array(key.identity.utf8)),
                        key: memory.octets(Array(key.key.utf8)), hub: memory.text(key.hub))
                }
                keys!.pointee = UnsafePointer(memory.array(lent))
                count!.pointee = UInt32(lent.count)
                return PA_OK
            })
    }

    static var permission: pa_permission_host_v1 {
        pa_permission_host_v1(
            size: UInt32(MemoryLayout<pa_permission_host_v1>.size), reserved: 0,
            ask: { lane, identity, kind, remote, protocolName in
                let host = FakeHost.of(lane)
                host.say("may \(identity) \(kind) \(String(cString: protocolName!))")
                return host.permitted.contains(kind) ? PA_OK : PA_ERROR_REFUSED
            })
    }

    static var password: pa_password_host_v1 {
        pa_password_host_v1(
            size: UInt32(MemoryLayout<pa_password_host_v1>.size), reserved: 0,
            change: { lane, evidence, password, token, ticket in
                let host = FakeHost.of(lane)
                let (evidence, password) = (evidence!.pointee, password!.pointee)
                let name = String(decoding: [UInt8](evidence.name), as: UTF8.self)
                let old = "\(evidence.kind) \([UInt8](evidence.secret).hex)"
                let new = "\([UInt8](password.softether).hex) \([UInt8](password.nt_hash).hex)"
                host.say("change \(name) from \(old) to \(new) as \(token)")
                ticket!.pointee = host.newHandle()
                host.questions.append((token, ticket!.pointee))
                return host.answer
            })
    }

    static var store: pa_store_host_v1 {
        pa_store_host_v1(
            size: UInt32(MemoryLayout<pa_store_host_v1>.size), reserved: 0,
            get: { host, name, value in
                let host = FakeHost.of(host)
                guard let bytes = host.stored[String(cString: name!)] else { return PA_ERROR_STATE }
                value!.pointee = host.memory.octets(bytes)
                return PA_OK
            },
            put: { host, name, value in
                FakeHost.of(host).stored[String(cString: name!)] = value.length == 0 ? nil : [UInt8](value)
                return PA_OK
            })
    }

    static var certificate: pa_certificate_host_v1 {
        pa_certificate_host_v1(
            size: UInt32(MemoryLayout<pa_certificate_host_v1>.size), reserved: 0,
            server: { host, chain, key, trust in
                let host = FakeHost.of(host)
                chain!.pointee = host.memory.octets(Array(host.certificate.chain.utf8))
                key!.pointee = host.memory.octets(Array(host.certificate.key.utf8))
                trust!.pointee = host.memory.octets(Array(host.certificate.trust.utf8))
                return PA_OK
            },
            public_name: { host, name in
                name!.pointee = FakeHost.of(host).memory.text("vpn.example.org")
                return PA_OK
            })
    }

    static var timer: pa_timer_host_v1 {
        pa_timer_host_v1(
            size: UInt32(MemoryLayout<pa_timer_host_v1>.size), reserved: 0,
            now: { lane in FakeHost.of(lane).now },
            wall_seconds: { _ in 1_700_000_000 },
            arm: { lane, token, at in
                FakeHost.of(lane).say("arm \(token) at \(at)")
                FakeHost.of(lane).timers[token] = at
                return PA_OK
            },
            disarm: { lane, token in
                FakeHost.of(lane).say("disarm \(token)")
                FakeHost.of(lane).timers[token] = nil
                return PA_OK
            },
            random: { _, octets, count in
                for index in 0..<count { octets![index] = UInt8(truncatingIfNeeded: index) }
                return PA_OK
            })
    }

    static var datagram: pa_datagram_host_v1 {
        func say(
            _ verb: String, _ lane: OpaquePointer?, _ batch: UnsafePointer<pa_datagram_v1>?, _ count: UInt32
        ) {
            for index in 0..<Int(count) {
                let datagram = batch![index]
                let local = datagram.local?.pointee.text ?? "any"
                FakeHost.of(lane).say(
                    "\(verb) \(datagram.payload.hex) \(local) -> \(datagram.remote.pointee.text)")
                guard verb.hasPrefix("send") else { continue }
                FakeHost.of(lane).sent.append((datagram.remote.pointee, [UInt8](datagram.payload)))
            }
        }
        return pa_datagram_host_v1(
            size: UInt32(MemoryLayout<pa_datagram_host_v1>.size), reserved: 0,
            send: { lane, socket, batch, count in
                say("send \(socket)", lane, batch, count)
                return FakeHost.of(lane).answer
            },
            send_copy: { lane, socket, batch, count in
                say("send copy \(socket)", lane, batch, count)
                return FakeHost.of(lane).answer
            },
            hand_over: { lane, index, socket, datagram in
                say("to lane \(index), \(socket)", lane, datagram, 1)
                return FakeHost.of(lane).answer
            },
            open: { host, url, pinning, socket in
                let host = FakeHost.of(host)
                host.say("open \(String(cString: url!)) pinned \(pinning)")
                socket!.pointee = host.newHandle()
                return host.answer
            },
            close: { host, socket in
                FakeHost.of(host).say("close \(socket)")
                return PA_OK
            },
            local_address: { _, _, address in
                address!.pointee = .ipv4(192, 0, 2, 1, port: 1194)
                return PA_OK
            })
    }
}

// MARK: - Streams, authentication, sessions

extension FakeTables {
    static var stream: pa_stream_host_v1 {
        func octets(_ slices: UnsafePointer<pa_slice_v1>?, _ count: UInt32) -> String {
            (0..<Int(count)).map { slices![$0].hex }.joined(separator: " ")
        }
        func take(
            _ lane: OpaquePointer?, _ stream: UInt64, _ slices: UnsafePointer<pa_slice_v1>?, _ count: UInt32
        ) -> pa_status {
            let host = FakeHost.of(lane)
            guard host.writing == PA_OK else { return host.writing }
            for index in 0..<Int(count) { host.written[stream, default: []] += [UInt8](slices![index]) }
            return PA_OK
        }
        return pa_stream_host_v1(
            size: UInt32(MemoryLayout<pa_stream_host_v1>.size), reserved: 0,
            write: { lane, stream, slices, count, queued in
                FakeHost.of(lane).say("write \(stream): \(octets(slices, count))")
                queued?.pointee = 17
                return take(lane, stream, slices, count)
            },
            write_copy: { lane, stream, slices, count, queued in
                FakeHost.of(lane).say("write copy \(stream): \(octets(slices, count))")
                queued?.pointee = 18
                return take(lane, stream, slices, count)
            },
            close: { lane, stream, how in
                FakeHost.of(lane).say("close stream \(stream) \(how)")
                FakeHost.of(lane).closedStreams.append(stream)
                return PA_OK
            },
            facts: { lane, _, facts in
                let memory = FakeHost.of(lane).memory
                facts!.pointee.is_tls = 1
                facts!.pointee.remote = FakeHost.of(lane).streamRemote
                facts!.pointee.local = .ipv4(192, 0, 2, 1, port: 443)
                facts!.pointee.tls_version = memory.text("TLSv1.3")
                facts!.pointee.presented_certificate = memory.octets([0x30, 0])
                return PA_OK
            },
            move: { lane, stream, index, token, rest in
                FakeHost.of(lane).say("move \(stream) to lane \(index) as \(token) with \([UInt8](rest).hex)")
                return FakeHost.of(lane).answer
            })
    }

    static var auth: pa_auth_host_v1 {
        pa_auth_host_v1(
            size: UInt32(MemoryLayout<pa_auth_host_v1>.size), reserved: 0,
            ask: { lane, evidence, token, ticket in
                let evidence = evidence!.pointee
                let name = String(decoding: [UInt8](evidence.name), as: UTF8.self)
                let secret = [UInt8](evidence.secret).hex
                let remote = evidence.remote?.pointee.text ?? "unknown"
                FakeHost.of(lane).say("ask \(evidence.kind) \(name) \(secret) from \(remote) as \(token)")
                FakeHost.of(lane).evidence = (
                    evidence.kind, [UInt8](evidence.name), [UInt8](evidence.secret),
                    [UInt8](evidence.challenge)
                )
                ticket!.pointee = FakeHost.of(lane).newHandle()
                FakeHost.of(lane).questions.append((token, ticket!.pointee))
                return FakeHost.of(lane).answer
            },
            withdraw: { lane, ticket in
                FakeHost.of(lane).say("withdraw question \(ticket)")
                FakeHost.of(lane).questions.removeAll { $0.ticket == ticket }
                return PA_OK
            },
            release: { lane, identity in FakeHost.of(lane).say("release \(identity)") })
    }

    static var session: pa_session_host_v1 {
        pa_session_host_v1(
            size: UInt32(MemoryLayout<pa_session_host_v1>.size), reserved: 0,
            open: { lane, request, token, ticket in
                let request = request!.pointee
                FakeHost.of(lane).say(
                    "open layer \(request.layer) for \(request.identity) mtu \(request.mtu) "
                        + "room \(request.headroom)+\(request.tailroom) \(String(cString: request.protocol)) "
                        + "\(String(cString: request.cipher)) from \(request.remote.text) as \(token)")
                ticket!.pointee = FakeHost.of(lane).newHandle()
                FakeHost.of(lane).openings.append((token, ticket!.pointee))
                return FakeHost.of(lane).answer
            },
            withdraw: { lane, ticket in
                FakeHost.of(lane).say("withdraw opening \(ticket)")
                FakeHost.of(lane).openings.removeAll { $0.ticket == ticket }
                return PA_OK
            },
            receive: { lane, session, batch, count in
                let frames = (0..<Int(count)).map { batch![$0].hex }.joined(separator: " ")
                FakeHost.of(lane).say("frames \(session): \(frames)")
                for index in 0..<Int(count) {
                    FakeHost.of(lane).frames.append((session, [UInt8](batch![index])))
                }
                return FakeHost.of(lane).answer
            },
            update: { lane, session, remote, cipher in
                let remote = remote?.pointee.text ?? "-"
                let cipher = cipher.map { String(cString: $0) } ?? "-"
                FakeHost.of(lane).say("update \(session) \(remote) \(cipher)")
                return PA_OK
            },
            close: { lane, session, reason, sentence in
                let sentence = sentence.map { String(cString: $0) } ?? "-"
                FakeHost.of(lane).say("close session \(session) \(reason) \(sentence)")
                return PA_OK
            })
    }
}
