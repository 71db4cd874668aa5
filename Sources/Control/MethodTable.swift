public import Accounts
import ControlRequests
import Foundation
public import Journal

/// All that can be asked of the server, by method name, and how one line becomes its answer.
public struct MethodTable: Sendable {
    private let methods: [String: ControlMethod]
    private let log: AdministrationLog

    public init(store: AccountStore, journal: Journal, runtime: any ServerRuntime) {
        let rows =
            hubMethods(store, runtime) + userMethods(store) + groupMethods(store) + sessionMethods(runtime)
            + networkMethods(store, runtime) + moduleMethods(runtime) + serverMethods(store, journal, runtime)
        methods = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })
        log = AdministrationLog(journal: journal)
    }

    var names: [String] { methods.keys.sorted() }

    private struct Head: Decodable {
        let jsonrpc: String
        let method: String
        let id: RequestID?
    }

    /// Answers one line. A request without an id is a notification, JSON-RPC 2.0 §4.1: it is carried out, and
    /// answered with nothing unless it is no request at all.
    func answer(
        _ line: [UInt8], on connection: ControlConnection
    ) async -> (line: [UInt8]?, lines: ControlMethod.Lines?) {
        let head: Head
        do {
            head = try Self.parse(line)
        } catch {
            return (encode(ResponseEnvelope<Done>(id: .null, error: error)), nil)
        }
        guard let method = methods[head.method] else {
            let error = ControlError(
                .methodNotFound,
                "there is no method \"\(head.method.prefix(60))\": "
                    + "accepted are \(names.joined(separator: ", "))"
            )
            return (head.id.map { encode(ResponseEnvelope<Done>(id: $0, error: error)) }, nil)
        }
        let answer = await method.answer(line, head.id ?? .null, connection)
        log.record(method.name, line, answer.failure)
        return head.id == nil ? (nil, nil) : (answer.line, answer.lines)
    }

    private static func parse(_ line: [UInt8]) throws(ControlError) -> Head {
        try JSONLimits.check(line)
        if line.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") {
            throw ControlError(.invalidRequest, "a batch is not accepted: send its requests one on a line")
        }
        let head: Head
        do {
            head = try JSONDecoder().decode(Head.self, from: Data(line))
        } catch DecodingError.dataCorrupted {
            throw ControlError(.parseError, "the request is no JSON text: one on a line is accepted")
        } catch {
            let sentence = (error as? DecodingError)?.sentence ?? "\(error)"
            throw ControlError(.invalidRequest, "this is no JSON-RPC 2.0 request: \(sentence)")
        }
        guard head.jsonrpc == "2.0" else {
            throw ControlError(
                .invalidRequest, "jsonrpc is \"\(head.jsonrpc.prefix(20))\": \"2.0\" is accepted")
        }
        return head
    }
}
