/// JSON-RPC 2.0 §4.1: an identifier is a string, a number without fraction, or null.
public enum RequestID: Hashable, Sendable {
    case number(Int64)
    case string(String)
    case null
}

extension RequestID: Codable {
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let text = try? value.decode(String.self) {
            self = .string(text)
        } else {
            // The decoder calls a number that does not fit corrupt, as if the text were no JSON.
            guard let number = try? value.decode(Int64.self) else {
                throw DecodingError.typeMismatch(
                    Int64.self, .init(codingPath: decoder.codingPath, debugDescription: "not an identifier"))
            }
            self = .number(number)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .number(let number): try value.encode(number)
        case .string(let text): try value.encode(text)
        case .null: try value.encodeNil()
        }
    }
}

/// A request as it stands on the line.
public struct RequestEnvelope<Request: ControlRequest>: Encodable {
    let jsonrpc = "2.0"
    let id: RequestID
    let method = Request.method
    let params: Request

    public init(id: RequestID, params: Request) {
        self.id = id
        self.params = params
    }
}

/// A response as it stands on the line: a result or an error.
public struct ResponseEnvelope<Answer: Codable & Sendable>: Codable, Sendable {
    let jsonrpc: String
    public let id: RequestID
    public let result: Answer?
    public let error: ControlError?

    public init(id: RequestID, result: Answer) {
        (jsonrpc, self.id, self.result, error) = ("2.0", id, result, nil)
    }

    public init(id: RequestID, error: ControlError) {
        (jsonrpc, self.id, result, self.error) = ("2.0", id, nil, error)
    }
}

/// What the server says without having been asked again: another line of a log that is followed.
public struct LogLineNotification: Codable, Sendable {
    public struct Params: Codable, Sendable {
        public let line: String
    }

    let jsonrpc: String
    public let method: String
    public let params: Params

    public init(line: String) {
        (jsonrpc, method, params) = ("2.0", "log.line", Params(line: line))
    }
}
