internal import CLibFFI
internal import PluginABI

extension ModuleInstance {
    func makeCommandTable(_ commands: [Command]) -> UnsafePointer<pa_command_module_v1>? {
        guard !commands.isEmpty else { return nil }
        let list = unsafe commands.map { unsafe Optional(memory.value(raw($0))) }
        return unsafe memory.value(
            pa_command_module_v1(
                size: UInt32(MemoryLayout<pa_command_module_v1>.size), count: UInt32(commands.count),
                commands: memory.array(list)))
    }

    private func raw(_ command: Command) -> pa_command_v1 {
        let arguments = unsafe command.arguments.map { argument in
            unsafe Optional(
                memory.value(
                    pa_argument_v1(
                        size: UInt32(MemoryLayout<pa_argument_v1>.size), type: argument.type.rawValue,
                        name: memory.text(argument.name), help: memory.text(argument.help))))
        }
        let function = function(for: command)
        functions.append(function)
        var raw = unsafe pa_command_v1()
        unsafe raw.size = UInt32(MemoryLayout<pa_command_v1>.size)
        unsafe raw.result = command.result.rawValue
        unsafe raw.name = memory.text(command.name)
        unsafe raw.help = memory.text(command.help)
        unsafe raw.arguments = memory.array(arguments)
        unsafe raw.argument_count = UInt32(arguments.count)
        unsafe raw.function = function.pointer()
        return unsafe raw
    }

    /// A C function of the declared signature: the module's state, then the arguments.
    private func function(for command: Command) -> CFunction {
        let types = unsafe command.arguments.map { unsafe $0.type.ffiType }
        return unsafe CFunction(result: command.result.ffiType, arguments: [polyhub_ffi_pointer()] + types) {
            [unowned self] place, arguments in
            let values = command.arguments.indices.map { index in
                unsafe command.arguments[index].type.load(from: arguments[index + 1])
            }
            unsafe run(command, with: CommandArguments(values: values), result: place)
        }
    }

    private func run(
        _ command: Command, with arguments: CommandArguments, result place: UnsafeMutableRawPointer?
    ) {
        var value: CommandValue?
        _ = host.explaining {
            let answer = try command.body(arguments)
            precondition(
                answer.type == command.result, "\(command.name) returns another type than it declares")
            value = answer
        }
        unsafe lastResult?.deallocate()
        unsafe lastResult = nil
        switch value {
        case .string(let text):
            unsafe lastResult = duplicate(text)
            unsafe place?.storeBytes(of: lastResult, as: UnsafeMutablePointer<CChar>?.self)
        case .integer(let number): unsafe place?.storeBytes(of: number, as: Int64.self)
        case .double(let number): unsafe place?.storeBytes(of: number, as: Double.self)
        case .boolean(let truth): unsafe place?.storeBytes(of: truth ? 1 : 0, as: UInt.self)
        case .nothing: break
        case nil where command.result != .nothing: unsafe place?.storeBytes(of: 0, as: UInt.self)
        case nil: break
        }
    }

    private func duplicate(_ text: String) -> UnsafeMutablePointer<CChar> {
        let octets = text.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count)
        for index in octets.indices { unsafe (copy + index).initialize(to: octets[index]) }
        return unsafe copy
    }
}

extension CommandType {
    fileprivate var ffiType: UnsafeMutablePointer<ffi_type> {
        switch self {
        case .nothing: unsafe polyhub_ffi_void()
        case .string: unsafe polyhub_ffi_pointer()
        case .integer: unsafe polyhub_ffi_sint64()
        case .double: unsafe polyhub_ffi_double()
        case .boolean: unsafe polyhub_ffi_uint32()
        }
    }

    /// Reads an argument of this type. A string that is NULL is empty.
    fileprivate func load(from place: UnsafeMutableRawPointer) -> CommandValue {
        switch self {
        case .nothing: .nothing
        case .string: .string(unsafe String(lent: place.load(as: UnsafePointer<CChar>?.self)) ?? "")
        case .integer: .integer(unsafe place.load(as: Int64.self))
        case .double: .double(unsafe place.load(as: Double.self))
        case .boolean: .boolean(unsafe place.load(as: UInt32.self) != 0)
        }
    }
}
