public import OpenSSL

/// Certificates made for tests, good until 2120 (but for the one that expired in 2021). Nobody trusts them.
public enum TestCertificates {
    /// CN=Test authority
    public static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBZTCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IGF1
        dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGTEXMBUG
        A1UEAwwOVGVzdCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASF
        RLB00rl7Nk+Az6B29aC8lod/ryrVH20uIucish3h9iS4BGoAHG7xLmmpeKV/y2Vj
        XraEuo3GfMltUcfazyvJo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE
        AwICBDAdBgNVHQ4EFgQUV8VGX7xr7stZK8lF7oc5ZERvoz0wCgYIKoZIzj0EAwID
        SAAwRQIgFuRmNhCxtj7I/1d48B/G4PJ1Btzfq5tdqGiplHjs960CIQCVwVTZKmcx
        VAs6BBR4j+ZapWH5SJnqTGeromF1eG4wNg==
        -----END CERTIFICATE-----
        """

    /// CN=vpn.example
    public static let server = TLSContext.Identity(
        chain: """
            -----BEGIN CERTIFICATE-----
            MIIBhTCCASqgAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IGF1
            dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFjEUMBIG
            A1UEAwwLdnBuLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQgBAku
            rkv3ajrhPW5BYBpdy0jaHhA/URhLRWqJMlQ8m6uZ4Vqw2vt6GTxBM6ldU2kMYlHD
            lTzFfIZwe0NAQXMro2QwYjATBgNVHSUEDDAKBggrBgEFBQcDATALBgNVHQ8EBAMC
            B4AwHwYDVR0jBBgwFoAUV8VGX7xr7stZK8lF7oc5ZERvoz0wHQYDVR0OBBYEFJxo
            26iTSvGUySY8Gy3UcNfjqTdzMAoGCCqGSM49BAMCA0kAMEYCIQDzyYtnJNKoiKFp
            3iCBzRnCUApuizzTs+Utw/20ofsCgwIhAPfvfIwXb/pJ3pqgdtkF9ef9ez4SVjk2
            Tgx7Q/ovbarO
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7/2a/VzV/8rV0/EJ
            yKzl/Cz5do0bRGbOWwJtPNiohwihRANCAAQgBAkurkv3ajrhPW5BYBpdy0jaHhA/
            URhLRWqJMlQ8m6uZ4Vqw2vt6GTxBM6ldU2kMYlHDlTzFfIZwe0NAQXMr
            -----END PRIVATE KEY-----
            """)

    /// CN=alice
    public static let client = TLSContext.Identity(
        chain: """
            -----BEGIN CERTIFICATE-----
            MIIBfjCCASSgAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IGF1
            dGhvcml0eTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowEDEOMAwG
            A1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQXZtDFLI+Rop1v
            3IeZyodjz2nzVT9XApnIczUWrFUaO+1OS5cq74PgN6VZ1d52z2RHdl1BBcdFWl+l
            ofJF/akko2QwYjATBgNVHSUEDDAKBggrBgEFBQcDAjALBgNVHQ8EBAMCB4AwHwYD
            VR0jBBgwFoAUV8VGX7xr7stZK8lF7oc5ZERvoz0wHQYDVR0OBBYEFGPuLhRJoH4d
            g1c2wa9qdz/oFVp0MAoGCCqGSM49BAMCA0gAMEUCICt/u+b9nALKH7mc6xMA+oRY
            oMNIexMQgd7AiGSbJ/8bAiEAoUCwmO/97VlIRZUgur42xuUNWkL6AegRcVB5E/2z
            wew=
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9S+C0JiquieznvHB
            np7sliaw35Tv306A7y9eP1/o8Y6hRANCAAQXZtDFLI+Rop1v3IeZyodjz2nzVT9X
            ApnIczUWrFUaO+1OS5cq74PgN6VZ1d52z2RHdl1BBcdFWl+lofJF/akk
            -----END PRIVATE KEY-----
            """)

    /// CN=bob, expired on 2021-01-01
    public static let expired = TLSContext.Identity(
        chain: """
            -----BEGIN CERTIFICATE-----
            MIIBejCCASCgAwIBAgIBBDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5UZXN0IGF1
            dGhvcml0eTAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBaMA4xDDAKBgNV
            BAMMA2JvYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNMC9D+NmNj0WkYVbkZ8
            MaQffXjL/WgoJ03ZPS7YDuTQzpn1i3l4b0VN/kb4JOP4TmQeAUW74x/WtEIpuvqd
            qvijZDBiMBMGA1UdJQQMMAoGCCsGAQUFBwMCMAsGA1UdDwQEAwIHgDAfBgNVHSME
            GDAWgBRXxUZfvGvuy1kryUXuhzlkRG+jPTAdBgNVHQ4EFgQUMMXeRBKDZmvWx69K
            Cpy+IpJ07qcwCgYIKoZIzj0EAwIDSAAwRQIhAOOB6HaEHZnL+5cC1JEZh+gdkXlZ
            AC5LSZPS7ZuHIq3AAiAjuZfgmQdFNoPzhTiub7aZr3ioySkMIH8jiSzF/4exAw==
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqOI6awP7bgGz5qV5
            Y+rfGFBU2rYk/iltJ25aQq+c5bmhRANCAATTAvQ/jZjY9FpGFW5GfDGkH314y/1o
            KCdN2T0u2A7k0M6Z9Yt5eG9FTf5G+CTj+E5kHgFFu+Mf1rRCKbr6nar4
            -----END PRIVATE KEY-----
            """)

    /// CN=mallory, signed by itself
    public static let stranger = TLSContext.Identity(
        chain: """
            -----BEGIN CERTIFICATE-----
            MIIBHzCBxwIUA5Q8mLsVYeX+k/nFF2/BUGYgBfowCgYIKoZIzj0EAwIwEjEQMA4G
            A1UEAwwHbWFsbG9yeTAgFw0yNjExMjMwNjE5MjBaGA8yMDgxMDgyNjA2MTkyMFow
            EjEQMA4GA1UEAwwHbWFsbG9yeTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGsH
            z+ZMm4hozkiBWkvIWOmRTO+zy7pq2yWk5MvAzTskaKCbueSlxR2eN+DXXTRdo4Uz
            XPA+nuJISyrm4aOQn7kwCgYIKoZIzj0EAwIDRwAwRAIgWMEd2+J+1D8ksvrhgfLs
            LXvVHvxloQpSazwZNZykN/cCIHJDmdoC/+of+KjopjmU/kjDQORDUvC10IjE+yrA
            26DG
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh+7mlJkL9M2Gx2J9
            DdO0YYUzeKwv43sXf4TZoFo9Xs2hRANCAARrB8/mTJuIaM5IgVpLyFjpkUzvs8u6
            atslpOTLwM07JGigm7nkpcUdnjfg1100XaOFM1zwPp7iSEsq5uGjkJ+5
            -----END PRIVATE KEY-----
            """)
}
