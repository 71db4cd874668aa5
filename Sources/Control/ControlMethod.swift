import Accounts
import ControlRequests
import Foundation

/// One row of the table of methods: how a request of this name is decoded, carried out and answered.
struct ControlMethod: Sendable {
    /// What is left after the answer: lines to be sent as notifications.
    typealias Lines = AsyncStream<String>

    let name: String
    /// `failure` is what the line says, too.
    struct Answer {
        let line: [UInt8]
        var lines: Lines?
        var failure: ControlError?
    }

    let answer: @Sendable (_ text: [UInt8], RequestID, ControlConnection) async -> Answer

    /// A method whose answer is all there is.
    init<Request: ControlRequest>(
        _ request: Request.Type, _ body: @escaping @Sendable (Request) async throws -> Request.Answer
    ) {
        self.init(request) { request, _ in (try await body(request), nil) }
    }

    /// A method that knows its connection and may leave lines behind.
    init<Request: ControlRequest>(
        _: Request.Type,
        _ body: @escaping @Sendable (Request, ControlConnection) async throws -> (Request.Answer, Lines?)
    ) {
        name = Request.method
        answer = { text, id, connection in
            do {
                let request = try Self.decode(Request.self, text)
                let (answer, lines) = try await body(request, connection)
                return Answer(line: encode(ResponseEnvelope(id: id, result: answer)), lines: lines)
            } catch {
                let failure = controlError(error)
                return Answer(
                    line: encode(ResponseEnvelope<Done>(id: id, error: failure)), failure: failure)
            }
        }
    }

    private struct Params<Request: Decodable>: Decodable {
        let params: Request?
    }

    private static func decode<Request: ControlRequest>(
        _: Request.Type, _ text: [UInt8]
    ) throws -> Request {
        do {
            let params = try JSONDecoder().decode(Params<Request>.self, from: Data(text)).params
            return try params ?? JSONDecoder().decode(Request.self, from: Data("{}".utf8))
        } catch let error as DecodingError {
            throw ControlError(.invalidParams, "\(Request.method): \(error.sentence)")
        }
    }
}

/// One JSON text and the end of its line.
func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
        preconditionFailure("rows of text, numbers and truth values can be encoded")
    }
    return [UInt8](data) + [0x0a]
}

/// Any failure as the sentence that is sent.
func controlError(_ error: any Error) -> ControlError {
    switch error {
    case let error as ControlError: error
    case let error as AccountError:
        switch error.kind {
        case .unknown: ControlError(.unknown, error.description)
        case .exists: ControlError(.exists, error.description)
        case .invalid: ControlError(.invalid, error.description)
        case .storage: ControlError(.storage, error.description)
        }
    default: ControlError(.internalError, "the server failed: \(error)")
    }
}

extension DecodingError {
    /// Which parameter is wrong, and what it should be.
    var sentence: String {
        func path(_ context: Context) -> String {
            let names = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
            return "\"" + (names.isEmpty ? "request" : names.joined(separator: ".")) + "\""
        }
        switch self {
        case .keyNotFound(let key, let context):
            return "\"\(key.stringValue)\" is missing in \(path(context))"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "\(path(context)) is of another type: \(Self.name(of: type)) is accepted"
        case .dataCorrupted(let context):
            return "\(path(context)) is not valid: \(context.debugDescription)"
        @unknown default:
            return "the parameters are not valid"
        }
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "a whole number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "a list"
        default: "\(type)"
        }
    }
}
