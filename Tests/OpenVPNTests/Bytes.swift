@testable import OpenVPNCore
