internal import CLibFFI

/// A Swift closure behind a C function pointer of any signature, made by libffi. The pointer is good for as
/// long as this object lives. A call costs some hundred nanoseconds: for administration, never for packets.
@safe final class CFunction {
    /// Gets the place of the result (at least eight octets) and the places of the arguments.
    typealias Body = (_ result: UnsafeMutableRawPointer?, _ arguments: [UnsafeMutableRawPointer]) -> Void

    let address: UnsafeMutableRawPointer
    private let closure: UnsafeMutableRawPointer
    private let cif: UnsafeMutablePointer<ffi_cif>
    private let types: UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>
    private let body: Body

    init(
        result: UnsafeMutablePointer<ffi_type>, arguments: [UnsafeMutablePointer<ffi_type>],
        body: @escaping Body
    ) {
        unsafe self.body = unsafe body
        unsafe types = .allocate(capacity: max(arguments.count, 1))
        for index in unsafe arguments.indices { unsafe (types + index).initialize(to: arguments[index]) }
        unsafe cif = .allocate(capacity: 1)
        unsafe cif.initialize(to: ffi_cif())
        let prepared = unsafe ffi_prep_cif(cif, FFI_DEFAULT_ABI, UInt32(arguments.count), result, types)
        precondition(prepared == FFI_OK, "libffi does not know this signature")
        var address: UnsafeMutableRawPointer?
        guard let closure = unsafe ffi_closure_alloc(MemoryLayout<ffi_closure>.size, &address),
            let address = unsafe address
        else { fatalError("no memory for a function") }
        unsafe self.closure = closure
        unsafe self.address = address
        let status = unsafe ffi_prep_closure_loc(
            closure.assumingMemoryBound(to: ffi_closure.self), cif, Self.called,
            Unmanaged.passUnretained(self).toOpaque(), address)
        precondition(status == FFI_OK, "libffi cannot make this function")
    }

    deinit {
        unsafe ffi_closure_free(closure)
        unsafe cif.deallocate()
        unsafe types.deallocate()
    }

    /// As the C function type that the caller expects, which must be the one that it was made for.
    func pointer<Function>() -> Function { unsafe unsafeBitCast(address, to: Function.self) }

    private static let called:
        @convention(c) (
            UnsafeMutablePointer<ffi_cif>?, UnsafeMutableRawPointer?,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
            UnsafeMutableRawPointer?
        ) -> Void = { cif, result, arguments, function in
            guard let cif = unsafe cif, let function = unsafe function else { return }
            let count = Int(unsafe cif.pointee.nargs)
            let places = unsafe UnsafeBufferPointer(start: arguments, count: count).compactMap { unsafe $0 }
            unsafe Unmanaged<CFunction>.fromOpaque(function).takeUnretainedValue().body(result, places)
        }
}
